"""What those who run a server change in sessions: a value that was looked at, or its end.

A change is made only to the very session that was shown: if anything in it was changed meanwhile, nothing happens.
"""

import json
from typing import Any, NoReturn

from mcp_sessions.admin.catalog import Catalog, is_untyped, title_of
from mcp_sessions.admin.details import SEALED, Detail
from mcp_sessions.errors import SessionConflictError, SessionError, SessionKeyError, SessionValueError
from mcp_sessions.hiding import MASK, restored
from mcp_sessions.json_key import JsonKey
from mcp_sessions.keys import Key
from mcp_sessions.stores.base import Access, Address, SchemaVersion, Store
from mcp_sessions.stores.terms import EVENTS_SCHEMA


async def set_value(store: Store, detail: Detail, key: str, text: str, catalog: Catalog) -> None:
    """Give a key of a session that was shown another value; it is no use of the session, and no limit is looked at.

    Where the text has the mask of a secret that an object had, the secret stays.

    Args:
        store: Where it is.
        detail: What was shown.
        key: The name of the key.
        text: The value as JSON.
        catalog: The schemas at hand: the value must fit its key.

    Raises:
        SessionValueError: If it does not fit.
        SessionKeyError: If there is no such key, or it cannot be told what would fit.
        SessionConflictError: If the session was changed since it was shown, or is over.
        mcp_sessions.StoreError: If the store fails.
    """
    slot = _slot(detail, key, catalog)
    value = _value(key, text, detail.copy.values.get(key))
    try:
        raw = slot.encode(value) if isinstance(slot, JsonKey) else slot.encode_json(value)
    except SessionError:
        raise
    except Exception as error:  # a validator of the user's, which may raise anything
        raise SessionValueError(
            f"{key}: its validation failed with {type(error).__name__}; nothing was written"
        ) from None
    await _change(store, detail, key, raw, slot)


async def unset_value(store: Store, detail: Detail, key: str, catalog: Catalog) -> None:
    """Unset a key of a session that was shown; also one that its schema does not have.

    Raises:
        SessionKeyError: If there is no such key.
        SessionConflictError: If the session was changed since it was shown, or is over.
        mcp_sessions.StoreError: If the store fails.
    """
    if key not in detail.copy.values:
        _slot(detail, key, catalog)
        return
    _require_ours(detail)
    await _change(store, detail, key, None)


async def end(store: Store, address: Address) -> bool:
    """End a session whoever owns it, an MCP session with all that is kept in it; False if there is none.

    Hooks of servers are not told: they are told by whoever ends a session, and this is none of them.
    """
    found = await store.look_up(address)
    return found is not None and bool(await store.end(Access(address, found.owner)))


def _slot(detail: Detail, key: str, catalog: Catalog) -> Key[Any, Any]:
    """Return the key that a value has to fit.

    Raises:
        SessionKeyError: If there is none.
        SessionValueError: If the session's values are of a version that the schema at hand does not read.
    """
    _require_ours(detail)
    accessor, schema = catalog.find(detail.copy.address.schema), detail.copy.address.schema
    if accessor is None:
        if detail.copy.digest:  # it was written by an accessor that has types
            raise SessionKeyError(f"the schema {schema} is not at hand, so nothing tells what fits {key}")
        return JsonKey(key)
    if is_untyped(accessor):
        return JsonKey(key)
    found = {one.name: one for one in accessor.schema.keys}
    if key not in found:
        raise SessionKeyError(f"{schema} has no key {key!r}; it has {', '.join(found) or 'none'}")
    if not detail.is_readable:
        raise SessionValueError(f"{key}: {detail.problem}; nothing was written")
    return found[key]


def _require_ours(detail: Detail) -> None:
    """Make sure that a session has keys that may be changed, and values that can be read.

    Raises:
        SessionKeyError: If not.
    """
    address = detail.copy.address
    if address.is_parent or (address.has_parent and address.schema == EVENTS_SCHEMA):
        raise SessionKeyError(f"what is kept of {title_of(address)} is the server's own and cannot be changed")
    if any(raw.startswith(SEALED) for raw in detail.copy.values.values()):
        raise SessionKeyError("the session is encrypted, and cannot be changed without the keys")


def _value(key: str, text: str, former: bytes | None) -> Any:
    """Return the JSON value that a text stands for.

    Raises:
        SessionValueError: If it is none; its text has nothing of the value.
    """

    def refuse(constant: str) -> NoReturn:
        raise SessionValueError(f"{key}: {constant} is no JSON; nothing was written")

    try:
        value = json.loads(text, parse_constant=refuse)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SessionValueError(f"{key}: that is no JSON, see {where}; text is written in quotes") from None
    except SessionValueError:
        raise
    except (ValueError, RecursionError):
        raise SessionValueError(f"{key}: it has a number that is too long, or is nested too deep") from None
    try:
        return restored(value, _former(former)) if MASK in text else value
    except ValueError as error:
        raise SessionValueError(
            f"{key}: {MASK} stands for a secret, and there is none in its place at {error}; write the value itself"
        ) from None


def _former(raw: bytes | None) -> Any:
    try:
        return None if raw is None else json.loads(raw)
    except (ValueError, RecursionError):
        return None


async def _change(store: Store, detail: Detail, key: str, raw: bytes | None, slot: Key[Any, Any] | None = None) -> None:
    copy = detail.copy
    untils: dict[str, float] = {}
    if isinstance(slot, JsonKey) and key in copy.untils:  # no schema says how long: it stays as it was
        untils = {key: copy.untils[key]}
    elif slot is not None and slot.ttl is not None:
        now = await store.copy_out(copy.address)  # for the time of the store; it may have been shown a while ago
        untils = {} if now is None else {key: now.taken + slot.ttl}
    version = SchemaVersion(copy.version, copy.digest, copy.since)
    if not await store.migrate(copy, version, {key: raw}, untils):
        is_over = await store.look_up(copy.address) is None
        what = "is over" if is_over else "was changed by others since it was shown; look at it again"
        raise SessionConflictError(f"the session {what}: nothing was written")
