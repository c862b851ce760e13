"""Hypothesis strategies from schemas: values of a key, and states of a whole session. Needs hypothesis.

Every value fits its key, and is read from a store as it was written.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

from pydantic import BaseModel, TypeAdapter

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import SearchStrategy
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError(
        "mcp_sessions.testing.strategies needs hypothesis: pip install 'mcp-sessiongen[testing]'", name=missing.name
    ) from None

from mcp_sessions.base_session import BaseSession
from mcp_sessions.bound import BoundForm
from mcp_sessions.errors import SessionDataError, SessionValueError
from mcp_sessions.forms import BY_NAME
from mcp_sessions.ids import mint_handle
from mcp_sessions.keys import Key
from mcp_sessions.session import Session
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.testing.strategies.refusals import NoStrategyError
from mcp_sessions.testing.strategies.shapes import ANY_JSON, Shapes, validated
from mcp_sessions.untyped import UntypedSession

__all__ = ["NoStrategyError", "snapshots", "states", "values"]

StateT = TypeVar("StateT", bound=BaseModel)

_KEYS: Final = 5
"""How many keys an untyped session has at most."""
_REJECTED: Final = object()


def values(accessor: type[BaseSession], key: str) -> SearchStrategy[Any]:
    """Return what gives the values of a key: those that ``set_x`` takes.

    Fractions are never NaN, collections have at most five items more than they must have, and times are an offset of
    whole minutes away from UTC. Instances of a class that is neither a model nor a dataclass come from hypothesis's
    ``from_type``, so ``register_type_strategy`` works for those.

    Raises:
        SessionKeyError: If the schema has no such key.
        NoStrategyError: If only a type's own code can tell which values fit; then give ``states`` a strategy for the
            key.
    """
    found = accessor._named(key)
    if issubclass(accessor, UntypedSession):
        return _read_back(found, ANY_JSON)
    form = found.form
    adapter = TypeAdapter[Any](form._slot) if isinstance(form, BoundForm) else form.adapter
    where = f"{accessor.schema.name}.{key}"
    try:
        given = Shapes().of(adapter.core_schema)
    except NoStrategyError as error:
        raise NoStrategyError(
            f"{where}: {error}; say which: states({accessor.__name__}, {{{key!r}: a strategy of yours}})"
        ) from None
    if given is None:
        raise NoStrategyError(f"{where}: each value of this type would have to hold another one of it")
    made = validated(given, partial(adapter.validate_python, **BY_NAME))
    if isinstance(form, BoundForm):
        made = made.map(lambda slot: slot.__dict__[key])
    return _read_back(found, made)


def states(
    accessor: type[BaseSession], own: Mapping[str, SearchStrategy[Any]] | None = None
) -> SearchStrategy[dict[str, Any]]:
    """Return what gives the states of a session: the values of the keys that are set, by key.

    ``make_session(CounterSession, state)`` and ``CounterSession.create(store, values=state)`` begin with one.

    Args:
        accessor: The generated class, or an ``UntypedSession``.
        own: Strategies of yours for some of the keys.

    Raises:
        SessionKeyError: If ``own`` has a key that the schema has not.
        NoStrategyError: See ``values``.
    """
    mine = {key: strategy.map(partial(_written, accessor._named(key))) for key, strategy in (own or {}).items()}
    if not issubclass(accessor, Session):
        others = st.dictionaries(st.text(), ANY_JSON, max_size=_KEYS)
        return st.tuples(others, st.fixed_dictionaries({}, optional=mine)).map(lambda drawn: drawn[0] | drawn[1])
    names = [key.name for key in accessor.schema.keys]
    each = {name: mine[name] if name in mine else values(accessor, name) for name in names}
    required = {key.name: each.pop(key.name) for key in accessor.schema.keys if key.create == "required"}
    drawn = st.fixed_dictionaries(required, optional=each)
    return drawn.filter(lambda state: _snapshot(accessor, state) is not _REJECTED)


def snapshots(
    accessor: type[Session[StateT, Any]], own: Mapping[str, SearchStrategy[Any]] | None = None
) -> SearchStrategy[StateT]:
    """Return what gives the states of a session as ``snapshot()`` does: objects of the state model.

    Args and errors are those of ``states``.
    """
    make: Callable[[dict[str, Any]], Any] = partial(_snapshot, accessor)
    return states(accessor, own).map(make)


def _read_back(key: Key[Any, Any], given: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Return values as a store gives them back; those that would be refused, or not stay the same, are drawn again."""

    def attempt(value: object) -> Any:
        try:
            found = _written(key, value)
            return found if _written(key, found) == found else _REJECTED
        except (SessionValueError, SessionDataError):
            return _REJECTED

    return given.map(attempt).filter(lambda value: value is not _REJECTED)


def _written(key: Key[Any, Any], value: object) -> Any:
    return key.decode_set(key.encode(value))


def _snapshot(accessor: type[Session[Any, Any]], state: Mapping[str, object]) -> Any:
    """Return the state model's object; the user's own model may find that values do not fit together."""
    session = accessor.open(MemoryStore(), mint_handle(accessor.schema.name))
    try:
        return session._state_of({name: accessor._named(name).encode(value) for name, value in state.items()})
    except SessionDataError:
        return _REJECTED
