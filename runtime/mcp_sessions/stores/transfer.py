"""Sessions as lines of JSON: to keep them in a file, and to take them from one store to another.

The first line says what the lines are; each of the others is a session. Whoever has them has the handles, and so the
sessions: keep such a file as you would keep passwords.
"""

import asyncio
import json
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mcp_sessions.errors import SessionDataError, StoreError
from mcp_sessions.ids import masked
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.terms import Address, NotLiveError, SessionCopy, SessionExistsError, Space

__all__ = ["Imported", "export_sessions", "import_sessions", "read_export"]

_HEAD: Final = {"mcp-sessions": 1}
_PAGE: Final = 100
_LONGEST: Final = 1000
"""Characters of an id or of the name of a schema; none that a server makes is nearly as long."""

_WRONG: Final = "line {} is no session of an export: {}"


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of the sessions of an export.

    Attributes:
        sessions: How many were put in.
        existing: How many were there already, or ended a short while ago.
        expired: How many have expired since the export.
        orphans: How many would be in an MCP session that is not there.
    """

    sessions: int
    existing: int
    expired: int
    orphans: int


async def export_sessions(
    store: Store, *, schemas: Collection[str] | None = None, damaged: list[Address] | None = None
) -> AsyncIterator[str]:
    """Give all live sessions of a store as lines of JSON, without line breaks; it is no use of a session.

    Each session is as it is at one moment, but not all of them at the same. One that is there from the first line to
    the last is among them.

    Args:
        store: Where they are.
        schemas: Only sessions of these, and the MCP sessions that they live in; None for all.
        damaged: Gets the addresses of sessions whose values cannot be read, which are then left out.

    Raises:
        mcp_sessions.SessionDataError: If values cannot be read and there is no ``damaged``; it says of which session.
        mcp_sessions.StoreError: If the store fails.
    """
    require_store(store, "an export")
    yield json.dumps(_HEAD)
    for are_children in (False, True):  # what lives in another session comes after it
        cursor, is_over = "", False
        while not is_over:
            page = await store.scan(limit=_PAGE, cursor=cursor)
            cursor, is_over = page.cursor, not page.cursor
            found = [one.address for one in page.sessions if one.address.has_parent == are_children]
            wanted = [one for one in found if schemas is None or await _is_of(store, one, schemas)]
            for copy in await asyncio.gather(*(_copy_out(store, address, damaged) for address in wanted)):
                if copy is not None:
                    yield _line_of(copy)


async def _is_of(store: Store, address: Address, schemas: Collection[str]) -> bool:
    """Tell whether a session is of some schemas, or one that is lives in it."""
    if address.schema in schemas or not address.is_parent:
        return address.schema in schemas
    children = (Address(address.space, address.id, schema) for schema in schemas)
    return any(await asyncio.gather(*map(store.look_up, children)))


async def _copy_out(store: Store, address: Address, damaged: list[Address] | None) -> SessionCopy | None:
    try:
        return await store.copy_out(address)
    except SessionDataError as error:
        if damaged is None:
            raise SessionDataError(f"{address.schema} of {masked(address.id)}: {error}") from error
        damaged.append(address)
        return None


async def import_sessions(store: Store, lines: Iterable[str] | AsyncIterable[str]) -> Imported:
    """Put the sessions of an export into a store, and return what became of them; what is there already stays.

    It can be done again with the same lines, as after an error: what was put in is then there already.

    Raises:
        mcp_sessions.StoreError: If a line is none of an export, or the store fails; it says which line.
    """
    counts = dict.fromkeys(("sessions", "existing", "expired", "orphans"), 0)
    require_store(store, "an import")
    if isinstance(lines, str):
        raise TypeError("lines are an open file, or what export_sessions gives; got text")
    number = 0
    async for line in _each(lines):
        number += 1
        if number == 1:
            _require_head(line)
        elif line.strip():
            counts[await _put_in(store, number, _copy_in(number, line))] += 1
    if not number:
        _require_head("")
    return Imported(**counts)


def read_export(lines: Iterable[str]) -> Iterator[SessionCopy]:
    """Yield the sessions of an export, without putting them anywhere.

    Raises:
        mcp_sessions.StoreError: If a line is none of an export; it says which.
    """
    for number, line in enumerate(lines, start=1):
        if number == 1:
            _require_head(line)
        elif line.strip():
            yield _copy_in(number, line)


async def _each(lines: Iterable[str] | AsyncIterable[str]) -> AsyncIterator[str]:
    if isinstance(lines, AsyncIterable):
        async for line in lines:
            yield line
    else:
        for line in lines:
            yield line


async def _put_in(store: Store, number: int, copy: SessionCopy) -> str:
    try:
        await store.copy_in(copy)
    except SessionExistsError:
        return "existing"
    except NotLiveError:
        is_orphan = copy.address.has_parent and await store.look_up(copy.address.parent) is None
        return "orphans" if is_orphan else "expired"
    except StoreError as error:
        raise StoreError(f"line {number}: {error}") from error
    return "sessions"


class _Line(BaseModel):
    """A session as a line has it: what is compact JSON is in ``values``, anything else in ``bytes``, in base64."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    space: Space
    id: Annotated[str, Field(min_length=1, max_length=_LONGEST)]
    schema_: Annotated[str, Field(alias="schema", max_length=_LONGEST)]
    owner: str | None
    version: Annotated[int, Field(ge=0, lt=2**53)]
    since: Annotated[int, Field(ge=0, lt=2**53)] = 0
    digest: str
    created: Annotated[float, Field(allow_inf_nan=False)]
    expires: Annotated[float, Field(allow_inf_nan=False)]
    idle: Annotated[float, Field(allow_inf_nan=False, gt=0)]
    max_at: Annotated[float, Field(allow_inf_nan=False)] | None
    values: dict[str, Any] = {}
    bytes: dict[str, str] = {}
    untils: dict[str, Annotated[float, Field(allow_inf_nan=False)]] = {}


def _line_of(copy: SessionCopy) -> str:
    readable = {key: text for key, raw in copy.values.items() if (text := _readable(raw)) is not None}
    opaque = {key: b64encode(raw).decode() for key, raw in copy.values.items() if key not in readable}
    address = {"space": copy.address.space, "id": copy.address.id, "schema": copy.address.schema}
    about = {"owner": copy.owner, "version": copy.version, "digest": copy.digest}
    times = {"created": copy.created, "expires": copy.expires, "idle": copy.idle, "max_at": copy.max_at}
    optional = {"since": copy.since, "bytes": opaque, "untils": copy.untils}
    head = json.dumps({**address, **about, **times, **{name: some for name, some in optional.items() if some}})
    values = ",".join(f"{json.dumps(key)}:{text}" for key, text in readable.items())
    return f'{head[:-1]}, "values": {{{values}}}}}'


def _readable(raw: bytes) -> str | None:
    """Return a value as JSON text in ASCII; None if it would not be the same bytes after an import."""
    try:
        value = json.loads(raw)
        return json.dumps(value, separators=(",", ":"), allow_nan=False) if _dumped(value) == raw else None
    except (ValueError, RecursionError):
        return None


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _copy_in(number: int, text: str) -> SessionCopy:
    """Return the session of a line.

    Raises:
        StoreError: If it is none.
    """
    try:
        given = json.loads(text)
        if not isinstance(given, dict):
            raise StoreError(_WRONG.format(number, "it is no JSON object"))
        line = _Line.model_validate(given)
        if not line.schema_ and line.space != "transport":
            raise StoreError(_WRONG.format(number, "schema: it is empty"))
        values = {key: _dumped(value) for key, value in line.values.items()}
        values |= {key: b64decode(value, validate=True) for key, value in line.bytes.items()}
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise StoreError(_WRONG.format(number, f"{where}: {first['msg']}")) from None
    except Base64Error:
        raise StoreError(_WRONG.format(number, "what it has as bytes is not in base64")) from None
    except (ValueError, RecursionError):
        raise StoreError(_WRONG.format(number, "it is no JSON")) from None
    return SessionCopy(
        address=Address(line.space, line.id, line.schema_),
        owner=line.owner,
        version=line.version,
        digest=line.digest,
        created=line.created,
        expires=line.expires,
        idle=line.idle,
        max_at=line.max_at,
        values=values,
        untils={key: until for key, until in line.untils.items() if key in values},
        since=line.since,
    )


def _require_head(line: str) -> None:
    try:
        head = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    if head != _HEAD:
        raise StoreError(f"that is no export of sessions: its first line would be {json.dumps(_HEAD)}")
