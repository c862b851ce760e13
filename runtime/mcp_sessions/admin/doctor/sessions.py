"""What is looked at of each session: its version, its lifetime, its values, and how near it is to a limit."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from mcp_sessions.admin.catalog import Catalog, is_untyped, title_of
from mcp_sessions.admin.details import SEALED, problem_of
from mcp_sessions.admin.doctor.findings import Finding, Tally, counted
from mcp_sessions.base_session import BaseSession
from mcp_sessions.errors import SessionDataError, StoreError
from mcp_sessions.ids import masked
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Store
from mcp_sessions.stores.checkup import Level
from mcp_sessions.stores.records import generous
from mcp_sessions.stores.terms import EVENTS_SCHEMA, TRANSPORT_SCHEMA, Address, Limits, Listed, SessionCopy, SessionInfo

_LONG: Final = 30 * 24 * 3600.0
_FULL: Final = 0.8
_SLACK: Final = 1.0
"""Seconds by which times may differ that are the same."""

_CLOCKS_APART: Final = 60.0
"""Seconds by which an expiry may be too far ahead: clocks were set meanwhile, or are told by this machine's."""

_PURGED_LATE: Final = 1000
"""How many expired sessions may wait to be removed; fewer say nothing."""


class Sessions:
    """Counts what is to be said of the sessions of a store, as they are looked at one by one.

    Args:
        store: Where they are.
        catalog: The schemas at hand.
        limits: Those of the servers.
    """

    def __init__(self, store: Store, catalog: Catalog, limits: Limits) -> None:
        self._store = store
        self._catalog = catalog
        self._limits = limits
        self._seen = self._children = self._values = self._checked = 0
        self._owners: Counter[str] = Counter()
        self._newer, self._older, self._unknown = Tally(), Tally(), Tally()
        self._long, self._beyond, self._large = Tally(), Tally(), Tally()
        self._endless, self._invalid, self._undeclared = Tally(), Tally(), Tally()
        self._sealed, self._damaged = Tally(), Tally()

    async def look(self, one: Listed, now: float) -> None:
        """Look at a session.

        Raises:
            mcp_sessions.StoreError: If the store fails.
        """
        address, info = one.address, one.info
        self._seen += 1
        self._children += address.has_parent
        if one.owner is not None and not address.has_parent:
            self._owners[one.owner] += 1
        if info.max_at is None and now - info.created > _LONG:
            self._long.add(address)
        if _is_endless(info, now):
            self._endless.add(address, title_of(address))
        most = self._limits.session_bytes
        if most is not None and info.size > _FULL * most:
            self._large.add(address)
        accessor = self._catalog.find(address.schema)
        if accessor is not None:
            await self._look_at_schema(one, accessor)
        elif not (address.space == "transport" and address.schema in (TRANSPORT_SCHEMA, EVENTS_SCHEMA)):
            self._unknown.add(address, title_of(address))

    async def _look_at_schema(self, one: Listed, accessor: type[BaseSession]) -> None:
        address, info, schema = one.address, one.info, accessor.schema
        if _is_beyond(schema, info):
            self._beyond.add(address, schema.name)
        if info.version > schema.version and info.since > schema.version:
            self._newer.add(address, f"{schema.name} {info.version}")
        elif info.version < schema.reads_since:
            self._older.add(address, f"{schema.name} {info.version}")
        elif not is_untyped(accessor):
            await self._look_at_values(address, schema)

    async def _look_at_values(self, address: Address, schema: SessionSchema) -> None:
        copy = await self._opened(address, schema)
        if copy is None:
            return
        self._checked += 1
        keys = {key.name: key for key in schema.keys}
        for name, raw in copy.values.items():
            self._values += 1
            if raw.startswith(SEALED):
                self._sealed.add(address)
            elif name not in keys:
                self._undeclared.add(address, f"{schema.name}.{name}")
            elif problem := problem_of(keys[name], raw):
                self._invalid.add(address, f"{schema.name}.{name} of {masked(address.id)}: {problem}")

    async def _opened(self, address: Address, schema: SessionSchema) -> SessionCopy | None:
        """Return what is kept of a session; None if it is over, or its values do not open."""
        try:
            return await self._store.copy_out(address)
        except (SessionDataError, StoreError) as error:
            inner = getattr(self._store, "store", None)
            if inner is None or await inner.look_up(address) is None:
                raise
            self._damaged.add(address, f"{schema.name}: {error}")
            return None

    def findings(self, total: int) -> Iterator[Finding]:
        """Give what there is to say, after all sessions were looked at; ``total`` is how many the store counts."""
        yield from self._of_schemas()
        yield from self._of_values()
        yield from self._of_lifetimes(total)
        yield from self._of_limits(total)

    def _of_schemas(self) -> Iterator[Finding]:
        named = ", ".join(accessor.schema.name for accessor in self._catalog)
        if not named:
            advice = "name their modules, as  --module state.cart, to have values and versions checked"
            yield self._unknown.finding("schemas", "ok", "no schemas are at hand: values are not checked", advice)
        elif self._unknown.count:
            message = (
                f"{counted(self._unknown.count, 'session')} of schemas that are not at hand: {_words(self._unknown)}"
            )
            advice = "name their modules; if no server has them any more, end these sessions"
            yield self._unknown.finding("schemas", "warning", message, advice)
        else:
            yield Finding("schemas", "ok", f"all sessions are of schemas at hand: {named}")
        if self._newer.count:
            message = f"{counted(self._newer.count, 'session')} of newer versions than the code: {_words(self._newer)}"
            yield self._newer.finding("newer", "warning", message, "run this with the newest release of the schemas")
        if self._older.count:
            message = f"{counted(self._older.count, 'session')} of older versions: {_words(self._older)}"
            advice = "each is migrated when it is used; mcp-sessiongen migrate does all of them"
            yield self._older.finding("older", "warning", message, advice)
        if self._checked and not self._newer.count and not self._older.count:
            yield Finding("versions", "ok", "all sessions are of versions that the code reads")

    def _of_values(self) -> Iterator[Finding]:
        if self._damaged.count:
            advice = "give the key that they were sealed with; what was changed is lost: end the session"
            message = f"{counted(self._damaged.count, 'session')} cannot be decrypted: {_words(self._damaged)}"
            yield self._damaged.finding("sealed", "error", message, advice)
        if self._sealed.count:
            message = f"{counted(self._sealed.count, 'value')} could not be checked: they are encrypted"
            yield self._sealed.finding("sealed", "warning", message, "give the keys, as in MCP_SESSIONS_KEYS")
        if self._invalid.count:
            message = f"{self._invalid.count} of {counted(self._values, 'value')} do not fit: {_words(self._invalid)}"
            advice = "look at them with  sessions show, unset them, or end the sessions"
            yield self._invalid.finding("values", "error", message, advice)
        elif self._checked and not self._damaged.count:
            checked = f"{counted(self._values, 'value')} in {counted(self._checked, 'session')}"
            yield Finding("values", "ok", f"{checked} fit their keys")
        if unread := self._newer.count + self._older.count:
            message = f"values of {counted(unread, 'session')} were not checked: they are of other versions"
            yield Finding("unread", "ok", message, count=unread)
        if self._undeclared.count:
            message = f"{counted(self._undeclared.count, 'value')} of keys that the schema does not have: "
            yield self._undeclared.finding("undeclared", "ok", message + _words(self._undeclared))

    def _of_lifetimes(self, total: int) -> Iterator[Finding]:
        if self._endless.count:
            message = f"{counted(self._endless.count, 'session')} would expire later than they may: "
            advice = "something else than a server wrote to the store, or with a wrong clock; end these sessions"
            yield self._endless.finding("lifetimes", "error", message + _words(self._endless), advice)
        if self._beyond.count:
            message = (
                f"{counted(self._beyond.count, 'session')} may live longer than the schema says: {_words(self._beyond)}"
            )
            advice = "they began before the lifetime was shortened; end those that must not last"
            yield self._beyond.finding("lifetimes", "warning", message, advice)
        if self._long.count:
            message = f"{counted(self._long.count, 'session')} older than 30 days, without a greatest lifetime"
            advice = "give their schemas  lifetime: {max: 7d}, or Sessions(max=...)"
            yield self._long.finding("lifetimes", "warning", message, advice)
        if not (self._endless.count or self._beyond.count or self._long.count):
            yield Finding("lifetimes", "ok", "no session outlives what is meant for it")
        waiting = total - (self._seen - self._children)
        if waiting > _PURGED_LATE:
            message = f"{counted(waiting, 'expired session')} not removed yet"
            yield Finding("expired", "warning", message, "is a server running? mcp-sessiongen sessions purge", waiting)

    def _of_limits(self, total: int) -> Iterator[Finding]:
        limits, advice = self._limits, "raise the limit, shorten lifetimes, or find out who begins so many"
        are_well = True
        if limits.all_sessions is not None and total > _FULL * limits.all_sessions:
            are_well = False
            message = f"{total} sessions of at most {limits.all_sessions}"
            yield Finding("limits", _fullness(total, limits.all_sessions), message, advice, total)
        owner, most = next(iter(self._owners.most_common(1)), ("", 0))
        if limits.owner_sessions is not None and most > _FULL * limits.owner_sessions:
            are_well = False
            message = f"the owner {owner[:8]} has {most} sessions of at most {limits.owner_sessions}"
            yield Finding("limits", "warning", message, advice, most)
        if self._large.count:
            are_well = False
            message = f"{counted(self._large.count, 'session')} near the limit of {limits.session_bytes} bytes"
            yield self._large.finding("limits", "warning", message, "find out which key grows, and bound it")
        if are_well:
            yield Finding("limits", "ok", "no limit is near")


def _fullness(total: int, most: int) -> Level:
    return "error" if total >= most else "warning"


def _words(tally: Tally) -> str:
    more = ", ..." if len(tally.words) < tally.count and len(tally.words) == 10 else ""
    return ", ".join(tally.words) + more


def _is_endless(info: SessionInfo, now: float) -> bool:
    """Tell whether an expiry is later than any use could have put it, by the session's own lifetime."""
    if info.max_at is not None and info.expires > info.max_at + _CLOCKS_APART:
        return True
    return info.idle > 0 and info.expires > now + generous(info.idle) + _CLOCKS_APART


def _is_beyond(schema: SessionSchema, info: SessionInfo) -> bool:
    """Tell whether a session may live longer than its schema says; a schema that says nothing leaves it to servers."""
    if schema.idle is not None and info.idle > schema.idle + _SLACK:
        return True
    if schema.max is None:
        return False
    return info.max_at is None or info.max_at > info.created + schema.max + _SLACK
