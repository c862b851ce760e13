"""Migrations: what brings the values of a session from one version of its schema to the next.

Owns what happens to values. Pure: no store is asked here, see ``migrating``.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from inspect import isawaitable, iscoroutine
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from mcp_sessions.errors import SessionDataError, SessionMigrationError, SessionValueError

if TYPE_CHECKING:
    from mcp_sessions.keys import Key
    from mcp_sessions.schema import SessionSchema

FunctionT = TypeVar("FunctionT", bound=Callable[..., BaseModel])

Held: TypeAlias = tuple[bytes, float | None]
"""A stored value, and until when it is one; None for as long as the session lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PastVersion:
    """A schema as it was in one of its versions, for a migration that is a function.

    Attributes:
        version: Which one.
        state: The model of all that a session held.
        keys: The keys that there were.
    """

    version: int
    state: type[BaseModel]
    keys: "tuple[Key[Any, Any], ...]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step: from the version before to ``to``.

    With ``load`` a function makes the state anew. Without, values are moved and dropped as they are.

    Attributes:
        to: The version that it leads to.
        renamed: The new name of each key that has one, by the old name.
        dropped: The names of keys whose values go.
        load: Imports the function, and returns it.
        name: What messages call the function: ``module:function``.
        before: What the function takes.
        after: What it returns; None for the schema as it is.
    """

    to: int
    renamed: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    load: Callable[[], Callable[[Any], BaseModel]] | None = None
    name: str = ""
    before: PastVersion | None = None
    after: PastVersion | None = None

    def __str__(self) -> str:
        return f"the migration to version {self.to}" + (f" ({self.name})" if self.name else "")


def migration(schema: type[BaseModel], *, to: int, compatible: bool = False) -> Callable[[FunctionT], FunctionT]:
    """Declare, above a function, that it brings sessions of a ``SessionModel`` to version ``to``.

    It takes the state that the version before had and returns the new one. For `mcp-sessiongen`, which reads it; the
    function itself is left as it is.

    Args:
        schema: The session.
        to: The version that it leads to.
        compatible: Whether servers of the version before can go on with what it returns.
    """

    def declare(function: FunctionT) -> FunctionT:
        declared = vars(schema).get("__sessiongen_migrations__", ())
        type.__setattr__(schema, "__sessiongen_migrations__", (*declared, (to, function, compatible)))
        return function

    return declare


def require_migrations(schema: "SessionSchema") -> None:
    """Make sure that all functions that migrate sessions of a schema are there.

    Raises:
        SessionMigrationError: If one cannot be imported.
    """
    for step in schema.migrations:
        _loaded(schema, step)


def migrated(schema: "SessionSchema", version: int, held: Mapping[str, Held]) -> dict[str, Held]:
    """Return what a session holds in the schema's version, given what it holds in an older one.

    What neither version has a key for stays.

    Raises:
        SessionMigrationError: If a migration fails, or what it gives does not fit.
    """
    values = dict(held)
    for step in schema.migrations:
        if step.to > version:
            values = _called(schema, step, values) if step.load else _moved(step, values)
    for key in schema.keys:
        if key.name in values:
            try:
                key.decode_set(values[key.name][0])
            except SessionDataError as error:
                raise _failure(
                    schema,
                    f"{key.name} of version {version} does not fit version {schema.version}, and no migration "
                    f"changes it: {error}",
                ) from None
    return values


def _moved(step: Migration, values: Mapping[str, Held]) -> dict[str, Held]:
    left = {name: value for name, value in values.items() if name not in step.dropped}
    moves = {
        old: new
        for old, new in step.renamed.items()
        if old in left and (new not in left or new in step.renamed)  # what is there already is not written over
    }
    kept = {name: value for name, value in left.items() if name not in moves}
    return {**kept, **{new: left[old] for old, new in moves.items()}}


def _called(schema: "SessionSchema", step: Migration, values: Mapping[str, Held]) -> dict[str, Held]:
    function = _loaded(schema, step)
    state, keys = (step.after.state, step.after.keys) if step.after else (schema.state, schema.keys)
    before = step.before
    if function is None or before is None:
        raise _failure(schema, f"{step} has no function")
    try:
        new = function(_state_of(before, values))
    except SessionDataError as error:
        raise _failure(schema, f"{step} cannot begin: {error}") from None
    except ValidationError as error:  # its own text has values
        raise _failure(schema, f"{step} failed with ValidationError{_place_in(error, state)}") from None
    except (Exception, SystemExit) as error:
        raise _failure(schema, f"{step} failed with {type(error).__name__}") from error
    if isawaitable(new):
        if iscoroutine(new):
            new.close()
        raise _failure(schema, f"{step} is async, and a migration must not wait for anything")
    if not isinstance(new, state):
        raise _failure(schema, f"{step} returned {type(new).__name__} instead of {state.__name__}")
    copied = {key.name for key in before.keys} - values.keys()
    known = {key.name for key in (*before.keys, *keys)}
    kept = {name: value for name, value in values.items() if name not in known and name not in step.dropped}
    try:
        made = {key.name: raw for key in keys if (raw := _encoded(key, new, copied)) is not None}
    except SessionValueError as error:
        raise _failure(schema, f"what {step} returned does not fit: {error}") from None
    return {**kept, **{name: (raw, values[name][1] if name in values else None) for name, raw in made.items()}}


def _loaded(schema: "SessionSchema", step: Migration) -> Callable[[Any], BaseModel] | None:
    try:
        return step.load() if step.load else None
    except Exception as error:
        raise _failure(schema, f"{step} cannot be imported: {type(error).__name__}: {error}") from error


def _place_in(error: ValidationError, state: type[BaseModel]) -> str:
    """Return where values do not fit a state, without the values, and without keys of dicts, which are values too."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    field = next(iter(first["loc"]), "")
    is_known = error.title == state.__name__ and field in state.model_fields
    return f" ({field} of {state.__name__}: {first['type']})" if is_known else f" ({first['type']})"


def _state_of(past: PastVersion, values: Mapping[str, Held]) -> BaseModel:
    """Return what a session held, as its version read it."""
    read = {}
    for key in past.keys:
        try:
            read[key.name] = key.decode(values[key.name][0] if key.name in values else None)
        except SessionDataError as error:
            raise SessionDataError(f"{key.name} of version {past.version}: {error}") from None
    return past.state.model_construct(_fields_set=set(values) & set(read), **read)


def _encoded(key: "Key[Any, Any]", state: BaseModel, copied: Set[str]) -> bytes | None:
    """Return what a key is to hold; None if it is to be unset.

    A function that copies each key copies defaults too: of the keys that there were and were unset, ``copied``, those
    stay so that read as before.
    """
    if key.name not in state.model_fields_set:
        return None
    value = getattr(state, key.name)
    try:
        raw = key.encode(value)
        is_default = key.name in copied and not key.form.makes_default and key.default == value
        return None if is_default else raw
    except SessionValueError:
        if value is None:  # how models write that a key is unset whose type does not accept None
            return None
        raise


def _failure(schema: "SessionSchema", why: str) -> SessionMigrationError:
    return SessionMigrationError(f"{schema.name}: {why}")
