"""The pages of one session, and of one of its values."""

from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mcp_sessiongen.studio.json_text import marked
from mcp_sessiongen.studio.listing import SPACES
from mcp_sessiongen.studio.rendering import page
from mcp_sessiongen.studio.rows import expiry, row, time_of
from mcp_sessiongen.studio.state import Studio, studio_of
from mcp_sessiongen.studio.words import counted, duration, shortened, size
from mcp_sessions.admin import Detail, Entry, find, show
from mcp_sessions.admin.summaries import summary_of
from mcp_sessions.stores.terms import EVENTS_SCHEMA, Address

KEYS_A_PAGE: Final = 100
VALUE_SHOWN: Final = 1200
VALUE_SHOWN_WHOLE: Final = 200_000

STATES: Final = {
    "set": "set",
    "unset": "unset",
    "invalid": "does not fit",
    "undeclared": "not in the schema",
}


async def one_session(request: Request) -> Response:
    """Answer with one session and its keys."""
    studio = studio_of(request)
    detail = await detail_of(request)
    start = _start(request.query_params.get("from", ""), len(detail.entries))
    shown = detail.entries[start : start + KEYS_A_PAGE]
    here = f"/session/{detail.summary.reference}"
    return page(
        request,
        "session.html",
        now=time_of(detail.summary),
        session=facts(studio, detail),
        entries=[entry_of(detail, one, limit=VALUE_SHOWN) for one in shown],
        related=await _related(studio, detail),
        keys_told=_keys_told(detail, start, len(shown)),
        previous=f"{here}?from={max(0, start - KEYS_A_PAGE)}" if start else "",
        next=f"{here}?from={start + KEYS_A_PAGE}" if start + KEYS_A_PAGE < len(detail.entries) else "",
    )


async def one_value(request: Request) -> Response:
    """Answer with one key and its value as a whole."""
    studio, detail = studio_of(request), await detail_of(request)
    entry = entry_named(detail, request.query_params.get("key", ""))
    return page(
        request,
        "value.html",
        now=time_of(detail.summary),
        session=facts(studio, detail),
        entry=entry_of(detail, entry, limit=VALUE_SHOWN_WHOLE),
    )


async def detail_of(request: Request) -> Detail:
    """Return the session that an address means.

    Raises:
        HTTPException: If there is no such live one.
    """
    studio = studio_of(request)
    address = await studio.address(request.path_params["reference"])
    detail = await show(studio.store, address, studio.catalog, reveal=studio.reveal) if address else None
    if detail is None:
        raise HTTPException(404)
    return detail


def entry_named(detail: Detail, key: str) -> Entry:
    """Return one key of a session.

    Raises:
        HTTPException: If it has none of that name.
    """
    for entry in detail.entries:
        if entry.key == key:
            return entry
    raise HTTPException(404)


def facts(studio: Studio, detail: Detail) -> dict[str, Any]:
    """Return what there is to say of a session besides its keys."""
    one = detail.summary
    return row(studio, one) | {
        "kind": SPACES[one.space],
        "idle_lifetime": duration(detail.idle_lifetime),
        "latest": None if detail.max_at is None else expiry(detail.max_at, detail.max_at - time_of(one)),
        "has_schema": detail.has_schema,
        "schema_version": detail.schema_version,
        "problem": detail.problem,
        "takes_all_as_secret": detail.takes_all_as_secret,
        "is_editable": is_editable(detail),
    }


def is_set(entry: Entry) -> bool:
    """Tell whether a key has a value, also one that may not be seen."""
    return entry.size > 0


def is_editable(detail: Detail) -> bool:
    """Tell whether a session has values that are its users': a server's own are not for people to change."""
    address = detail.summary.address
    return not address.is_parent and address.schema != EVENTS_SCHEMA


def entry_of(detail: Detail, entry: Entry, *, limit: int) -> dict[str, Any]:
    """Return what there is to say of one key, with as much of its value as a page has room for."""
    query = urlencode({"key": entry.key})
    here = f"/session/{detail.summary.reference}"
    text = entry.text or ""
    return {
        "key": entry.key,
        "type": entry.type or "",
        "doc": entry.doc,
        "state": entry.state,
        "state_text": "default" if entry.is_default else STATES[entry.state],
        "is_default": entry.is_default,
        "is_secret": entry.is_secret,
        "is_hidden": entry.is_secret and entry.text is None and is_set(entry),
        "is_partial": entry.is_partial,
        "is_encrypted": entry.is_encrypted,
        "has_text": entry.text is not None,
        "value": marked(shortened(text, limit)),
        "is_cut": len(text) > limit,
        "problem": entry.problem,
        "size": size(entry.size) if is_set(entry) else "",
        "expires": None
        if entry.expires_in is None
        else expiry(time_of(detail.summary) + entry.expires_in, entry.expires_in),
        "value_link": f"{here}/value?{query}",
        "edit_link": f"{here}/edit?{query}",
    }


async def _related(studio: Studio, detail: Detail) -> list[dict[str, Any]]:
    """Return the other sessions that have the same id: an MCP session, and those inside of it.

    They are looked for among all sessions once. From then on, those are asked for that were there or can be.
    """
    own, now = detail.summary.address, time_of(detail.summary)
    if own.space != "transport":
        return []
    family = studio.families.get(own.id)
    if family is None:
        found = [one for one in await find(studio.store, own.id) if one.address.id == own.id]
        studio.families[own.id] = {own.parent, *(one.address for one in found)}
    else:
        family |= {Address("transport", own.id, accessor.schema.name) for accessor in studio.catalog}
        listed = [await studio.store.look_up(address) for address in family]
        found = [summary_of(one, now) for one in listed if one is not None]
    found.sort(key=lambda one: one.address.schema)
    return [row(studio, one) for one in studio.listed(found) if one.address != own]


def _start(given: str, total: int) -> int:
    return min(int(given), total) if given.isdecimal() and len(given) < 10 else 0


def _keys_told(detail: Detail, start: int, shown: int) -> str:
    total = len(detail.entries)
    if shown < total:
        return f"{start + 1:,} to {start + shown:,} of {counted(total, 'key')}"
    return f"{counted(total, 'key')}, {sum(map(is_set, detail.entries)):,} set" if total else "no keys"
