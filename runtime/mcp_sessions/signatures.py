"""Refuses functions in which an accessor may be None: a framework would give them None, and never a session.

Pydantic does not tell an accessor class that it stands in a union, so this is seen to when a server starts.
"""

import inspect
from collections.abc import Callable, Iterable
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from mcp_sessions.base_session import BaseSession


def require_sessions(functions: Iterable[tuple[str, Callable[..., Any]]]) -> None:
    """Refuse a parameter for an accessor that may be None.

    Args:
        functions: What a server offers: what each is called, and its function.

    Raises:
        TypeError: If there is such a parameter.
    """
    for what, function in functions:
        try:
            hints, parameters = get_type_hints(function), inspect.signature(function).parameters
        except (NameError, TypeError, ValueError):  # made by other means than a signature, which the framework knows
            continue
        for name, parameter in parameters.items():
            accessor = _accessor_or_none(hints.get(name), parameter.default)
            if accessor is not None:
                raise TypeError(
                    f"{what} has a session that may be None, and clients that leave it out would get None: write "
                    f"{name}: {accessor.__name__}; clients may leave it out by itself"
                )


def _accessor_or_none(hint: object, default: object) -> type[BaseSession] | None:
    """Return the accessor class of a parameter that may be None, else None."""
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    accessors = [one for one in choices if isinstance(one, type) and issubclass(one, BaseSession)]
    return accessors[0] if accessors and (NoneType in choices or default is None) else None
