"""What a model has besides fields: what generated code could not do as well.

A `SessionModel` with machinery is bound: generated code asks the user's own class. A `ValueModel` is refused.
"""

from collections.abc import Iterator
from typing import Final, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mcp_sessiongen.load.live import is_secret_key, metadata_in
from mcp_sessiongen.load.metadata import constraints_in

_EMPTY_FACTORIES: Final = (list, dict, set, frozenset)
PLAIN_HINT: Final = "keep such a class a plain BaseModel in a module of its own: it is then imported, not compiled"
"""What to do about a value type that cannot be compiled."""

_UNREPEATED: Final = ("alias", "validation_alias", "serialization_alias", "exclude", "exclude_if", "frozen", "repr")
"""Arguments of `Field` that generated code does not repeat."""

_DECORATORS: Final = {
    "validators": "validator",
    "field_validators": "field validator",
    "root_validators": "root validator",
    "model_validators": "model validator",
    "field_serializers": "field serializer",
    "model_serializers": "model serializer",
    "computed_fields": "computed field",
}
_HARMLESS: Final = ("title", "use_attribute_docstrings", "defer_build", "protected_namespaces")
"""Settings of `model_config` that change nothing about values."""


def machinery_of(kind: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """Yield what a class has besides fields: the member, and what it is."""
    for group, what in _DECORATORS.items():
        for name in getattr(kind.__pydantic_decorators__, group):
            yield name, f"{what} {name} of {kind.__name__} cannot be compiled"
    for name in kind.__private_attributes__:
        yield name, f"private attribute {name} of {kind.__name__} is not stored, so it cannot be compiled"
    base = next((ancestor for ancestor in kind.__mro__ if ancestor.__module__ == "mcp_sessions.schema"), BaseModel)
    inherited = getattr(base, "model_config", {})
    changed = [option for option, value in kind.model_config.items() if inherited.get(option) != value]
    changed = [option for option in changed if option not in _HARMLESS]
    if changed:
        yield "model_config", f"model_config of {kind.__name__} changes {', '.join(changed)}, which cannot be compiled"


def unrepeated_arguments(info: FieldInfo) -> list[str]:
    """Return the arguments that a field was given and generated code would not repeat; it never prints a secret."""
    usual = {"frozen": (None, False), "repr": (True, False) if is_secret_key(info) else (True,)}
    return [name for name in _UNREPEATED if getattr(info, name, None) not in usual.get(name, (None,))]


def is_empty_factory(factory: object) -> bool:
    """Tell whether a factory makes an empty container: `list`, or `list[str]`, of which checkers know more."""
    return (get_origin(factory) or factory) in _EMPTY_FACTORIES


def is_bound(kind: type[BaseModel]) -> bool:
    """Decide whether a `SessionModel` has to stay the user's own.

    It does for each of: validators, serializers and computed fields; private attributes and `model_post_init`; an
    own `model_config`; type parameters; the arguments in `_UNREPEATED`; a `default_factory` but for an empty
    container; validated defaults; and anything annotated that is no constraint, on a field or inside of its type.
    """
    return (
        any(machinery_of(kind))
        or kind.model_post_init is not BaseModel.model_post_init
        or bool(kind.__pydantic_generic_metadata__["origin"])
        or any(map(_needs_the_model, kind.model_fields.values()))
    )


def _needs_the_model(info: FieldInfo) -> bool:
    if unrepeated_arguments(info):
        return True
    if info.default_factory is not None and not is_empty_factory(info.default_factory):
        return True
    if info.validate_default or not (info.discriminator is None or isinstance(info.discriminator, str)):
        return True
    return bool(constraints_in([*info.metadata, *metadata_in(info.annotation)])[1])
