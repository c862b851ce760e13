"""The page of all sessions: what is asked for, a page of it, and the ways on from there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, get_args
from urllib.parse import urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mcp_sessiongen.studio.rendering import page, problem_page
from mcp_sessiongen.studio.rows import row, time_of
from mcp_sessiongen.studio.state import Place, Studio, studio_of
from mcp_sessiongen.studio.words import counted
from mcp_sessions.admin import Filters, Summary, find
from mcp_sessions.admin import page as page_of
from mcp_sessions.stores.base import Space

PAGE_SIZE: Final = 50
SORTED_STEPS: Final = 10
SORTED_AT_A_TIME: Final = 1000
"""How many sessions are put in order: a store gives them in its own, so all of them have to be looked at."""

LIVE_SECONDS: Final = 3
SLOW_SECONDS: Final = 15
"""After how many seconds a list is looked at again: where a store has to go through more than a page, later."""

SPACES: Final[dict[Space, str]] = {
    "handle": "handle",
    "transport": "MCP session",
    "connection": "connection",
    "user": "user",
}
"""What the kinds of id are called on pages."""

IDLE_CHOICES: Final = {"1m": 60.0, "10m": 600.0, "1h": 3600.0, "1d": 86400.0}
SIZE_CHOICES: Final = {"1k": 1024, "16k": 16 * 1024, "256k": 256 * 1024, "1M": 1024 * 1024}

ORDERS: Final = {
    "used": "last used first",
    "expires": "expiring first",
    "largest": "largest first",
    "oldest": "oldest first",
    "newest": "newest first",
}

_FIELDS: Final = ("q", "schema", "owner", "space", "idle", "size", "sort")
_BEGINNING: Final = re.compile(r"(.*[_-])?([a-z2-7]{0,4})")


@dataclass(frozen=True, slots=True)
class Query:
    """What a list is asked for; as it stands in the address, "" for what is not asked."""

    fields: dict[str, str]
    after: str = ""

    @property
    def filters(self) -> Filters:
        """The same as the library takes it."""
        fields = self.fields
        space = next((space for space in get_args(Space) if space == fields["space"]), None)
        return Filters(
            schema=fields["schema"] or None,
            owner=fields["owner"] or None,
            space=space,
            min_idle=IDLE_CHOICES.get(fields["idle"]),
            min_size=SIZE_CHOICES.get(fields["size"]),
        )

    @property
    def is_filtered(self) -> bool:
        """Whether anything is asked but the text that is looked for."""
        return any(value for name, value in self.fields.items() if name not in ("q", "sort"))

    @property
    def is_quick(self) -> bool:
        """Whether a store answers without going through sessions that are not wanted."""
        return not any(value for name, value in self.fields.items() if name != "schema")

    def link(self, after: str = "", **changed: str) -> str:
        """Return the address of another page of the same list, or of a list that is nearly the same."""
        wanted = self.fields | changed | {"after": after}
        query = urlencode({name: value for name, value in wanted.items() if value})
        return f"/?{query}" if query else "/"


async def sessions(request: Request) -> Response:
    """Answer with a page of the sessions that are asked for."""
    studio, query = studio_of(request), read_query(request.query_params)
    if isinstance(query, str):
        return problem_page(request, 400, "Not a filter", query, advice="Begin again with all sessions.")
    place = studio.places.get(query.after, Place("", ""))
    found, cursor, told = await _found(studio, query, place)
    studio.listed(found)
    return page(
        request,
        "sessions.html",
        now=time_of(found[0]) if found else 0,
        query=query,
        rows=[row(studio, one) for one in found],
        total=await studio.store.count(),
        is_part=bool(cursor or query.after or query.fields["q"] or query.is_filtered),
        live=LIVE_SECONDS if query.is_quick else SLOW_SECONDS,
        choices=_choices(studio, query),
        pager=_pager(studio, query, place, cursor),
        told=told,
        forgot=bool(query.after) and query.after not in studio.places,
    )


async def find_session(request: Request) -> Response:
    """Lead to the session that is looked for, or to a list; no whole id gets into an address."""
    studio = studio_of(request)
    text = request.state.form.get("q", "").strip()
    found = studio.listed(await find(studio.store, text)) if text else []
    if len(found) == 1:
        return RedirectResponse(f"/session/{found[0].reference}", status_code=303)
    return RedirectResponse(Query(dict.fromkeys(_FIELDS, "")).link(q=beginning(text)), status_code=303)


def beginning(text: str) -> str:
    """Return as much of an id as may stand in an address: what a log line would show of it."""
    text = text.removesuffix("...").removesuffix("…")
    found = _BEGINNING.match(text)
    return found.group() if found else ""


def read_query(given: QueryParams) -> Query | str:
    """Return what is asked for, or what is wrong with it."""
    fields = {name: given.get(name, "") for name in _FIELDS}
    for name, allowed in (("space", SPACES), ("idle", IDLE_CHOICES), ("size", SIZE_CHOICES), ("sort", ORDERS)):
        if fields[name] and fields[name] not in allowed:
            return f"{name} is {fields[name][:40]!r}; it can be {', '.join(allowed)}, or left out."
    fields["q"] = beginning(fields["q"])
    return Query(fields, given.get("after", ""))


def _choices(studio: Studio, query: Query) -> dict[str, list[tuple[str, str, bool]]]:
    """Return the choices of each filter: value, text, and whether it is chosen."""
    at_hand = {accessor.schema.name for accessor in studio.catalog}
    known = (at_hand | studio.colours.keys() | {query.fields["schema"]}) - {""}
    offered = {
        "schema": [("", "all"), *((name, name) for name in sorted(known))],
        "space": [("", "all"), *SPACES.items()],
        "idle": [("", "any"), *((value, f"for {value} or more") for value in IDLE_CHOICES)],
        "sort": [("", "as stored"), *ORDERS.items()],
        "size": [("", "any"), *((value, f"{value[:-1]} {value[-1].upper()}iB or more") for value in SIZE_CHOICES)],
    }
    return {
        name: [(value, text, value == query.fields[name]) for value, text in values] for name, values in offered.items()
    }


def _pager(studio: Studio, query: Query, place: Place, cursor: str) -> dict[str, str]:
    """Return the addresses of the pages before and after this one; "" where there is none."""
    links = {"first": "", "previous": "", "next": ""}
    if place.cursor:
        links |= {"first": query.link(), "previous": query.link(place.before)}
    if cursor:
        links["next"] = query.link(studio.offer(cursor, query.after))
    return links


async def _found(studio: Studio, query: Query, place: Place) -> tuple[list[Summary], str, str]:
    """Return what is listed, the cursor of what comes after it, and what the list is in words."""
    text, order = query.fields["q"], query.fields["sort"]
    if text:
        found = await find(studio.store, text)
        return found, "", f"{counted(len(found), 'session')} whose id begins with {text}"
    if order:
        every, is_all = await _first(studio, query.filters)
        found = sorted(every, key=_KEYS[order])[:PAGE_SIZE]
        of = "" if len(found) == len(every) else f"{len(found)} of "
        told = counted(len(every), "session") if is_all else f"the first {len(every):,} that the store has"
        return found, "", f"{of}{told}, {ORDERS[order]}"
    found, cursor = await page_of(studio.store, query.filters, limit=PAGE_SIZE, cursor=place.cursor)
    shown = counted(len(found), "session")
    if query.after or cursor:
        return found, cursor, f"{shown} on this page"
    return found, cursor, f"{shown} by these filters" if query.is_filtered else shown


async def _first(studio: Studio, filters: Filters) -> tuple[list[Summary], bool]:
    """Return the sessions that are to be put in order, and whether these are all."""
    found: list[Summary] = []
    cursor = ""
    for _ in range(SORTED_STEPS):
        some, cursor = await page_of(studio.store, filters, limit=SORTED_AT_A_TIME, cursor=cursor)
        found += some
        if not cursor:
            return found, True
    return found, False


_KEYS: Final[dict[str, Callable[[Summary], float]]] = {
    "used": lambda one: -(one.created if one.last_used is None else one.last_used),
    "expires": lambda one: one.expires,
    "largest": lambda one: -one.size,
    "oldest": lambda one: one.created,
    "newest": lambda one: -one.created,
}
