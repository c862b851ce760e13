"""What is kept of a server's messages: how, and what a client has missed of them.

The events of a transport session are values of a child of it, one key each. The keys are the events' ids, and their
order is that of the events.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from mcp.server.streamable_http import EventMessage
from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse, jsonrpc_message_adapter
from pydantic_core import from_json

from mcp_sessions.errors import SessionDataError, StoreError
from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError, Store
from mcp_sessions.stores.terms import EVENTS_SCHEMA

EVENT_SECONDS: Final = 3600.0
"""How long an event can be replayed: a call may be as long as this, and still be resumed by its first event."""

_EVENT_ID: Final = re.compile(r"[0-9]{10}-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Missed:
    """What a client has missed on one stream.

    Attributes:
        stream: The stream, as the SDK calls it.
        events: The events, in their order.
        is_over: Whether the stream has had its last event.
    """

    stream: str
    events: tuple[EventMessage, ...]
    is_over: bool


class _Event(NamedTuple):
    """What is kept of an event; see ``EventLog.add``."""

    stream: str
    message: JSONRPCMessage | None
    after: str | None


async def missed(store: Store, session: Access, last_event_id: str) -> Missed | None:
    """Return what came after an event on its stream; None if the session has no such event, or has it no more.

    Args:
        store: Where the sessions are.
        session: The transport session, or a child of it.
        last_event_id: Whatever the client gave.

    Raises:
        StoreError: If the store failed, or an event in it does not open.
    """
    if not _EVENT_ID.fullmatch(last_event_id):
        return None
    access = events_of(session)
    try:
        names = await store.names(access)
        if last_event_id not in names:
            return None
        held = await store.read(access, [name for name in names if name >= last_event_id])
        if last_event_id not in held:
            return None
        last = _loaded(held[last_event_id])
        start = last.after or last_event_id
        if between := [name for name in names if start < name < last_event_id]:
            held |= await store.read(access, between)
    except NotLiveError:
        return None
    except SessionDataError:  # an encrypted store's; its text names the event, whose id is secret
        raise StoreError("what is kept of the session's events cannot be read") from None
    events = [(name, _loaded(held[name])) for name in sorted(held)]
    ours = [(name, event.message) for name, event in events if event.stream == last.stream]
    later = tuple(EventMessage(message, name) for name, message in ours if name > start and message is not None)
    return Missed(last.stream, later, any(_is_last(message) for _, message in ours))


def events_of(session: Access, *, begin: bool = False) -> Access:
    """Return the access to a session's events; the server's limits are not theirs, they have limits of their own."""
    address = Address("transport", session.address.id, EVENTS_SCHEMA)
    return Access(address, session.owner, Lifetime(EVENT_SECONDS) if begin else None)


def _is_last(message: JSONRPCMessage | None) -> bool:
    """Tell whether nothing comes after a message on its stream: it answers the request that the stream is for."""
    return isinstance(message, JSONRPCResponse | JSONRPCError) and message.id is not None


def dumped(stream: str, message: JSONRPCMessage | None, after: str | None) -> bytes:
    """Return an event as the value that is kept; see ``EventLog.add``."""
    text = "null" if message is None else message.model_dump_json(by_alias=True, exclude_unset=True)
    return f"[{json.dumps(stream)},{text},{json.dumps(after)}]".encode()


def _loaded(value: bytes) -> _Event:
    stream, message, after = from_json(value)
    return _Event(stream, None if message is None else _message(message), after)


def _message(raw: Any) -> JSONRPCMessage:
    return jsonrpc_message_adapter.validate_python(raw, by_name=False)
