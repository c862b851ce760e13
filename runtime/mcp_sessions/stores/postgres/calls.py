"""Calls of the functions in the database: what they are given, and what their answers mean."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias, cast

from mcp_sessions.errors import StoreError
from mcp_sessions.stores import room
from mcp_sessions.stores.postgres.names import Call, address_of, bytes_of, claim, family_of, full, fulls, short
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Lifetime,
    Listed,
    NotLiveError,
    OtherVersionError,
    Reason,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionExistsError,
    SessionInfo,
)
from mcp_sessions.stores.texts import require_text

Row: TypeAlias = tuple[Any, ...]


class Outcome(NamedTuple):
    """What came of an operation: the type "outcome" in the database."""

    code: str | None
    began: bool | None
    created: float | None
    expires: float
    version: int
    digest: bytes
    size: int
    since: int
    names: Sequence[bytes] | None
    held: Sequence[bytes | None] | None
    idle: float | None = None
    max_at: float | None = None

    @property
    def info(self) -> SessionInfo:
        """What is to be known of the session that is there."""
        times = cast(float, self.created), self.expires
        lifetime = cast(float, self.idle), self.max_at
        return SessionInfo(*times, self.version, self.digest.decode(), self.size, self.since, *lifetime)

    @property
    def values(self) -> dict[str, bytes]:
        """The values by their keys."""
        held = cast(Sequence[bytes], self.held or ())
        return {name.decode(): value for name, value in zip(self.names or (), held, strict=True)}


def change(
    operation: str,
    clock: float | None,
    access: Access,
    *,
    values: Iterable[bytes | None] = (),
    names: Collection[str] = (),
    ttls: Mapping[str, float | None] | None = None,
    expected: Mapping[str, bytes | None] | None = None,
    by: int | None = None,
    lifetime: Lifetime | None = None,
) -> Call:
    """Return the call of an operation that may change something; ``values`` are those that ``names`` shall have."""
    begin = lifetime or access.begin
    limits = access.limits
    arguments = (
        operation,
        *claim(clock, access),
        access.begin is not None,
        begin and begin.idle,
        begin and begin.max,
        access.version,
        bytes_of(access.digest),
        access.since,
        access.reads,
        full(access.address.id),
        full(access.address.schema),
        limits.value_bytes,
        limits.session_bytes,
        limits.owner_sessions,
        limits.all_sessions,
        [short(text) for text in names] if names else None,
        fulls(names),
        values if names else None,
        [ttls.get(name) for name in names] if ttls else None,
        [short(text) for text in expected] if expected else None,
        list(expected.values()) if expected else None,
        by,
        operation == "touch" and lifetime is not None,
    )
    return Call("change", arguments, family_of(access.address))


def read(clock: float | None, access: Access, keys: Iterable[str] | None, *, only_names: bool = False) -> Call:
    """Return the call that gives the values of keys, or of all."""
    names = None if keys is None else [short(text) for text in keys]
    about = (access.begin is not None, access.version, access.reads)
    arguments = (*claim(clock, access), *about, names, only_names)
    return Call("read", arguments, family_of(access.address))


def end(clock: float | None, access: Access, *, values: bool, expired: bool) -> Call:
    """Return the call that ends a session."""
    return Call("end_session", (*claim(clock, access), values, expired), family_of(access.address))


def purge(clock: float | None, grace: float, limit: int, *, values: bool) -> Call:
    """Return the call that removes what has been over for ``grace`` seconds."""
    return Call("purge", (clock, grace, limit, values))


def scan(clock: float | None, schema: str | None, owner: str | None, limit: int, after: tuple[str, str, str]) -> Call:
    """Return the call that lists live sessions."""
    space, id, name = after
    whose = None if owner is None else bytes_of(owner)
    wanted = None if schema is None else short(schema)
    return Call("scan", (clock, wanted, whose, limit, space, short(id), short(name)))


def look_up(clock: float | None, address: Address) -> Call:
    """Return the call that gives one live session, whoever owns it."""
    return Call("look_up", (clock, address.space, short(address.id), short(address.schema)), family_of(address))


def count() -> Call:
    """Return the call that counts sessions."""
    return Call("count_sessions", ())


def copy_out(clock: float | None, address: Address) -> Call:
    """Return the call that gives all that is kept of a session."""
    name = (address.space, short(address.id), short(address.schema))
    return Call("copy_out", (clock, *name), family_of(address))


def copy_in(clock: float | None, copy: SessionCopy) -> Call:
    """Return the call that puts a session in."""
    address, names = copy.address, list(copy.values)
    require_text(address.id, *names)
    arguments = (
        clock,
        address.space,
        short(address.id),
        short(address.schema),
        full(address.id),
        full(address.schema),
        None if copy.owner is None else bytes_of(copy.owner),
        copy.version,
        bytes_of(copy.digest),
        copy.since,
        copy.created,
        copy.expires,
        copy.idle,
        copy.max_at,
        room.size_of(copy.values),
        [short(name) for name in names],
        fulls(names),
        list(copy.values.values()),
        [copy.untils.get(name) for name in names],
    )
    return Call("copy_in", arguments, family_of(address))


def migrate(
    clock: float | None,
    copy: SessionCopy,
    version: SchemaVersion,
    changes: Mapping[str, bytes | None],
    untils: Mapping[str, float],
) -> Call:
    """Return the call that gives a session another version."""
    address, names = copy.address, list(changes)
    arguments = (
        *claim(clock, Access(address, copy.owner)),
        copy.created,
        copy.version,
        [short(name) for name in copy.values],
        list(copy.values.values()),
        [copy.untils.get(name) for name in copy.values],
        version.number,
        bytes_of(version.digest),
        version.since,
        [short(name) for name in names],
        fulls(names),
        list(changes.values()),
        [untils.get(name) for name in names],
    )
    return Call("migrate", arguments, family_of(address))


def require_done(outcome: Outcome, access: Access) -> None:
    """Raise what the contract says of an operation that was refused."""
    code = outcome.code
    if code in (None, "changed", "by hand", "no array"):
        return
    if code in ("unknown", "expired", "ended"):
        raise NotLiveError(cast(Reason, code))
    if code == "exists":
        raise _exists()
    if code == "other version":
        raise OtherVersionError(outcome.version)
    _refuse_for_room(outcome, access)


def tell(outcome: Outcome, access: Access) -> None:
    """Tell whoever wants to know that an operation began or found the session."""
    if outcome.began and access.began is not None:
        access.began(outcome.info)
    if outcome.began is False and access.found is not None:
        access.found()


def says_more(row: Row) -> bool:
    """Tell whether that is no session: by such a row "purge" says that there may be more to remove."""
    return bool(row[4] == "more")


def remains_of(row: Row) -> Remains:
    """Return what the database tells of a session that is over."""
    space, id, schema, owner, reason, names, held, version, since = row
    values = {name.decode(): value for name, value in zip(names or (), held or (), strict=True)}
    whose = None if owner is None else owner.decode()
    return Remains(address_of(space, id, schema), whose, reason, values, version, since)


def listed(row: Row) -> Listed:
    """Return a live session as the database lists it."""
    space, id, schema, owner, created, expires, version, digest, size, since, idle, max_at = row
    info = SessionInfo(created, expires, version, digest.decode(), size, since, idle, max_at)
    return Listed(address_of(space, id, schema), None if owner is None else owner.decode(), info)


def require_copied(why: str | None) -> None:
    """Raise what the contract says of a session that was not put in."""
    if why == "exists":
        raise _exists()
    if why is not None:
        raise NotLiveError(cast(Reason, why))


def copied(address: Address, row: Row) -> SessionCopy:
    """Return all that is kept of a session."""
    owner, version, digest, created, expires, idle, max_at, names, held, untils, since, taken = row
    keys = [name.decode() for name in names or ()]
    return SessionCopy(
        address=address,
        owner=None if owner is None else owner.decode(),
        version=version,
        digest=digest.decode(),
        created=created,
        expires=expires,
        idle=idle,
        max_at=max_at,
        values=dict(zip(keys, held or (), strict=True)),
        untils={key: until for key, until in zip(keys, untils or (), strict=True) if until is not None},
        since=since,
        taken=taken,
    )


def _exists() -> SessionExistsError:
    return SessionExistsError("a session of that id exists, or existed a short while ago")


def _refuse_for_room(outcome: Outcome, access: Access) -> NoReturn:
    limits = access.limits
    match outcome.code:
        case "value too large":
            name = (outcome.names or (b"",))[0].decode()
            raise room.too_large(f"the value of {name!r}", outcome.size, cast(int, limits.value_bytes))
        case "session too large":
            raise room.too_large("the session as a whole", outcome.size, cast(int, limits.session_bytes))
        case "owner is full":
            raise room.of_owner(cast(int, limits.owner_sessions))
        case "store is full":
            raise room.in_all()
    raise StoreError(f"the session database gave an answer that is not known: {outcome.code}")
