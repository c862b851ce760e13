"""What changes sessions: the pages to edit and unset a value and to end a session. There are none without --write."""

import hashlib
import hmac
import secrets
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from mcp_sessiongen.studio.rendering import page
from mcp_sessiongen.studio.session import detail_of, entry_named, entry_of, facts, is_editable, is_set
from mcp_sessiongen.studio.state import studio_of, visitor_of
from mcp_sessiongen.studio.words import counted, size
from mcp_sessions.admin import Detail, Entry, end, find, set_value, unset_value
from mcp_sessions.errors import SessionConflictError, SessionError, SessionKeyError, StoreError

TRIES: Final = 10
"""How often a value is written that is as it was shown, while others change other keys of the session."""

EDITED_BYTES: Final = 256 * 1024
"""How large a value may be that is edited on a page."""

_WITHOUT_TEXT: Final = frozenset(("int", "float", "bool", "None"))
"""Types whose values as JSON have no quotes."""

_SEALING: Final = secrets.token_bytes(32)


def mark_of(detail: Detail, key: str) -> str:
    """Return what stands for one value as it was shown: another session, version or value has another mark.

    It is made with a key of this process, so it tells nothing of a secret value.
    """
    raw = detail.copy.values.get(key)
    parts = (
        repr(detail.summary.created).encode(),
        str(detail.summary.version).encode(),
        b"" if raw is None else b"=" + raw,
    )
    return hmac.new(_SEALING, b"\0".join(parts), hashlib.sha256).hexdigest()


async def edit(request: Request) -> Response:
    """Answer with a form for one value, or write what it was filled with."""
    if request.method == "POST":
        return await _save(request)
    detail = await detail_of(request)
    entry = entry_named(detail, request.query_params.get("key", ""))
    return _form(request, detail, entry, text=entry.text or "")


async def _save(request: Request) -> Response:
    studio, form = studio_of(request), request.state.form
    key, text = form.get("key", ""), form.get("text", "").replace("\r\n", "\n")
    for _ in range(TRIES):
        detail = await detail_of(request)
        if not _is_as_shown(detail, request):
            return _form(request, detail, _entry(detail, key), text=text, is_conflict=True)
        try:
            await set_value(studio.store, detail, key, text, studio.catalog)
        except SessionConflictError:
            continue  # another key was changed in this moment, or this one, which is seen to above
        except StoreError:
            raise
        except SessionError as error:
            return _form(request, detail, _entry(detail, key), text=text, problem=str(error))
        return _done(request, detail, f"{key} is set.")
    return _form(request, detail, _entry(detail, key), text=text, problem=_BUSY)


async def unset(request: Request) -> Response:
    """Unset one value, if it is as it was shown."""
    studio, key = studio_of(request), request.state.form.get("key", "")
    for _ in range(TRIES):
        detail = await detail_of(request)
        entry = _entry(detail, key)
        if not _is_as_shown(detail, request):
            return _form(request, detail, entry, text=entry.text or "", is_conflict=True)
        try:
            await unset_value(studio.store, detail, key, studio.catalog)
        except SessionConflictError:
            continue
        except SessionKeyError as error:
            return _form(request, detail, entry, text=entry.text or "", problem=str(error))
        return _done(request, detail, f"{key} is unset.")
    return _form(request, detail, entry, text=entry.text or "", problem=_BUSY)


async def end_session(request: Request) -> Response:
    """Ask whether a session is to be ended, or end it."""
    studio = studio_of(request)
    detail = await detail_of(request)
    one = detail.summary
    if request.method == "POST":
        is_ended = await end(studio.store, one.address)
        studio.counting.forget()
        visitor_of(request).notice = f"{one.masked} was ended." if is_ended else f"{one.masked} was over already."
        return RedirectResponse("/", status_code=303)
    inside = 0
    if one.address.is_parent:
        found = await find(studio.store, one.address.id)
        inside = sum(other.address.id == one.address.id and other.address.has_parent for other in found)
    set_keys = sum(is_set(entry) for entry in detail.entries)
    return page(
        request,
        "end.html",
        session=facts(studio_of(request), detail),
        keys=counted(set_keys, "value") if set_keys else "",
        inside=counted(inside, "session") if inside else "",
    )


def _is_as_shown(detail: Detail, request: Request) -> bool:
    form = request.state.form
    return hmac.compare_digest(mark_of(detail, form.get("key", "")).encode(), form.get("mark", "").encode())


def _entry(detail: Detail, key: str) -> Entry:
    """Return a key of a session; one that nobody has declared and that was unset meanwhile is there too."""
    return next((entry for entry in detail.entries if entry.key == key), Entry(key=key, state="unset"))


def _why_not(detail: Detail, entry: Entry, *, has_schema: bool) -> str:
    """Return why a value cannot be edited on a page; "" if it can."""
    if not is_editable(detail):
        return "What is kept of an MCP session itself is the server's own, and cannot be changed."
    if entry.is_encrypted:
        return "It is encrypted, and can be changed only by a studio that has the keys."
    if entry.state == "undeclared" and has_schema:
        return "The schema has no such key, so nothing tells what would fit it. It can only be unset."
    if not has_schema and detail.copy.digest:
        return "The schema is not at hand, so nothing tells what fits. Name its generated module: --module state.cart"
    if entry.size > EDITED_BYTES:
        return (
            f"It is too large to be edited on a page: it has {size(entry.size)}, and {size(EDITED_BYTES)} is the most."
        )
    return ""


def _done(request: Request, detail: Detail, notice: str) -> Response:
    studio_of(request).counting.forget()
    visitor_of(request).notice = notice
    return RedirectResponse(f"/session/{detail.summary.reference}", status_code=303)


def _form(
    request: Request, detail: Detail, entry: Entry, *, text: str, problem: str = "", is_conflict: bool = False
) -> Response:
    """Return the form, with what was typed unless it is secret; after a conflict it is for the value as it is now."""
    text = "" if entry.is_secret and not studio_of(request).reveal else text
    status = 409 if is_conflict else 422 if problem else 200
    return page(
        request,
        "edit.html",
        status=status,
        session=facts(studio_of(request), detail),
        entry=entry_of(detail, entry, limit=EDITED_BYTES),
        text=text,
        may_be_text=not entry.type or not _WITHOUT_TEXT.issuperset(entry.type.split(" | ")),
        rows=min(24, max(3, text.count("\n") + 2)),
        mark=mark_of(detail, entry.key),
        problem=problem,
        is_conflict=is_conflict,
        why_not=_why_not(detail, entry, has_schema=detail.has_schema),
    )


_BUSY: Final = "Others changed the session each time that this was tried. Nothing was written; try again."
