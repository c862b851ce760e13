"""Which sessions there are: listed, filtered, and found by what a log line shows of them."""

import hashlib
import json
import re
from base64 import b32encode
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from mcp_sessions.admin.catalog import Catalog, schema_titled, title_of
from mcp_sessions.admin.store_time import clock_of
from mcp_sessions.ids import is_handle, masked
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.records import generous
from mcp_sessions.stores.terms import Address, Clock, Listed, SessionInfo, Space

_PAGE: Final = 200
_LOOK_AT: Final = 20_000
"""How many sessions one page looks at, so that it is there soon even if nearly none is wanted."""

Progress: TypeAlias = Callable[[int], None]
"""Is told how many more sessions have been looked at."""

_OWNER: Final = re.compile("[0-9a-f]{64}")
_REFERENCE: Final = re.compile("[a-z2-7]{20}")

NO_OWNER: Final = "none"
"""What ``Filters.owner`` has for sessions that belong to nobody in particular; no hash begins like this."""


@dataclass(frozen=True, slots=True)
class Summary:
    """One live session in a list.

    Attributes:
        address: What names it; its id gives access.
        owner: The hash of whose it is; None when there is no authentication.
        schema: What it is called: the name of its schema, "MCP session" or "events".
        space: What kind of id names it.
        masked: Its id as log lines have it.
        version: The version of the schema that its values are of.
        size: Bytes of its values and key names.
        created: When it began; seconds since the epoch, as all times here.
        expires: When it expires unless it is used; of a child, unless its parent does so before.
        last_used: When it was last used, to within a sixtieth of its idle lifetime; None where its expiry does not
            tell, because it is the end of its greatest lifetime.
        age: Seconds since it began.
        idle: Seconds since its last use.
        expires_in: Seconds until it expires.
        reference: Stands for it where its id must not: a digest of the address, 20 characters.
        idle_lifetime: Its idle lifetime in seconds; 0 where that is not known.
        max_at: When it expires however much it is used; None for never.
    """

    address: Address
    owner: str | None
    schema: str
    space: Space
    masked: str
    version: int
    size: int
    created: float
    expires: float
    last_used: float | None
    age: float
    idle: float | None
    expires_in: float
    reference: str
    idle_lifetime: float = 0.0
    max_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which sessions are wanted; None for all.

    Attributes:
        schema: What they are called.
        owner: How the hash of their owner begins, or ``NO_OWNER``; neither this nor ``schema`` is empty.
        space: What kind of id names them.
        min_age: Seconds since they began.
        max_age: The same, at most.
        min_idle: Seconds since their last use; where that is not known, a session is not among them.
        max_expires_in: Seconds until they expire.
        min_size: Bytes that they have.
        max_size: The same, at most.
    """

    schema: str | None = None
    owner: str | None = None
    space: Space | None = None
    min_age: float | None = None
    max_age: float | None = None
    min_idle: float | None = None
    max_expires_in: float | None = None
    min_size: int | None = None
    max_size: int | None = None

    def __post_init__(self) -> None:
        for name in ("schema", "owner"):
            if getattr(self, name) == "":  # every hash begins so, and it is what stores call MCP sessions
                raise ValueError(f"{name} is empty; give None for sessions of any {name}")

    def fit(self, one: Summary) -> bool:
        """Tell whether a session is wanted."""
        return (
            (self.schema is None or one.address.schema == schema_titled(self.schema))
            and _is_owner(self.owner, one.owner)
            and self.space in (None, one.space)
            and _is_between(self.min_age, one.age, self.max_age)
            and _is_between(self.min_idle, one.idle, None)
            and _is_between(None, one.expires_in, self.max_expires_in)
            and _is_between(self.min_size, one.size, self.max_size)
        )


ALL: Final = Filters()


def _is_owner(wanted: str | None, owner: str | None) -> bool:
    if wanted is None:
        return True
    return owner is None if wanted == NO_OWNER else owner is not None and owner.startswith(wanted)


def _is_between(least: float | None, value: float | None, most: float | None) -> bool:
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


async def summaries(
    store: Store,
    filters: Filters = ALL,
    *,
    catalog: Catalog | None = None,
    clock: Clock | None = None,
    progress: Progress | None = None,
) -> AsyncIterator[Summary]:
    """Give the live sessions that are wanted, in the store's order, a page after the other.

    Args:
        store: Where they are.
        filters: Which are wanted.
        catalog: With one, only those whose schemas are at hand.
        clock: The store's clock; None to ask the store.
        progress: Told how many more sessions have been looked at.

    Raises:
        mcp_sessions.StoreError: If the store fails.
    """
    require_store(store, "a listing")
    cursor, is_over = "", False
    while not is_over:
        found, cursor, clock = await _scanned(store, filters, _PAGE, cursor, clock, progress)
        is_over = not cursor
        for one in found:
            if catalog is None or catalog.find(one.address.schema) is not None:
                yield one


async def page(
    store: Store, filters: Filters = ALL, *, limit: int, cursor: str = "", clock: Clock | None = None
) -> tuple[list[Summary], str]:
    """Return up to ``limit`` sessions that are wanted from ``cursor`` on, and where to go on: "" at the end.

    There may be fewer though there are more to come: so many sessions are looked at, and no more.

    Raises:
        mcp_sessions.StoreError: If the store fails, or ``cursor`` is none.
    """
    require_store(store, "a listing")
    found: list[Summary] = []
    looked_at = 0
    while len(found) < limit and looked_at < _LOOK_AT:
        step = limit - len(found)
        some, cursor, clock = await _scanned(store, filters, step, cursor, clock)
        found += some
        looked_at += step
        if not cursor:
            break
    return found, cursor


async def _scanned(
    store: Store, filters: Filters, limit: int, cursor: str, clock: Clock | None, progress: Progress | None = None
) -> tuple[list[Summary], str, Clock | None]:
    """Return those that are wanted on one page of the store's, the cursor of the next one, and the clock."""
    schema = None if filters.schema is None else schema_titled(filters.schema)
    owner = filters.owner if filters.owner and _OWNER.fullmatch(filters.owner) else None
    listed = await store.scan(schema=schema, owner=owner, limit=limit, cursor=cursor)
    if clock is None and listed.sessions:
        clock = await clock_of(store, listed.sessions)
    if progress is not None:
        progress(len(listed.sessions))
    now = clock() if clock else 0.0
    found = [summary for one in listed.sessions if filters.fit(summary := summary_of(one, now))]
    return found, listed.cursor, clock


async def find(
    store: Store, text: str, *, limit: int = 50, clock: Clock | None = None, progress: Progress | None = None
) -> list[Summary]:
    """Return the live sessions that a text names: their id, the beginning of it that log lines have, or a reference.

    An MCP session's id names all that is kept in it too. What is not a whole handle is looked for among all sessions.

    Args:
        store: Where they are.
        text: Such as "cart_e52x", with or without "..." behind it.
        limit: How many there are at most.
        clock: The store's clock; None to ask the store.
        progress: Told how many more sessions have been looked at.

    Raises:
        mcp_sessions.StoreError: If the store fails.
    """
    require_store(store, "a search")
    start = text.strip().removesuffix("…").removesuffix("...")
    name = start.rpartition("_")[0]
    if name and is_handle(start, name):
        there = await store.look_up(Address("handle", start, name))
        return [] if there is None else [summary_of(there, (clock or await clock_of(store, [there]))())]
    found: list[Summary] = []
    if start:
        is_reference = _REFERENCE.fullmatch(start) is not None
        async for one in summaries(store, clock=clock, progress=progress):
            if one.address.id.startswith(start) or (is_reference and one.reference == start):
                found.append(one)
                if len(found) == limit:
                    break
    return [one for one in found if one.address.id == start] or found


def summary_of(one: Listed, now: float) -> Summary:
    """Return what a list has of a session at some time."""
    address, info = one.address, one.info
    last_used = _last_use(info, now)
    return Summary(
        address=address,
        owner=one.owner,
        schema=title_of(address),
        space=address.space,
        masked=masked(address.id),
        version=info.version,
        size=info.size,
        created=info.created,
        expires=info.expires,
        last_used=last_used,
        age=max(0.0, now - info.created),
        idle=None if last_used is None else max(0.0, now - last_used),
        expires_in=info.expires - now,
        reference=reference_of(address),
        idle_lifetime=info.idle,
        max_at=info.max_at,
    )


def reference_of(address: Address) -> str:
    """Return what stands for an address in a URL or a file: nobody can use it to get at the session as a client."""
    name = json.dumps([address.space, address.id, address.schema], separators=(",", ":"))
    return b32encode(hashlib.sha256(name.encode("ascii")).digest()).decode("ascii").lower()[:20]


def _last_use(info: SessionInfo, now: float) -> float | None:
    """Return when a session was last used: an expiry that moves is put so long after it."""
    if info.idle <= 0 or (info.max_at is not None and info.expires >= info.max_at):
        return None
    return min(now, max(info.created, info.expires - generous(info.idle)))
