"""A session as it is shown: as JSON, in the types of its schema, with secret values masked."""

from typing import Any

from pydantic_core import to_json

from mcp_sessions.base_session import BaseSession
from mcp_sessions.hiding import MASK
from mcp_sessions.keys import Key
from mcp_sessions.session import Session
from mcp_sessions.untyped import UntypedSession


async def shown(session: BaseSession) -> str:
    """Return what a session holds at one moment, as ``snapshot()`` has it: keys that are unset have their default.

    It is read as an accessor reads it, so it is a use, and costs one round trip.

    Raises:
        SessionError: If there is no such session, or what it holds does not fit.
    """
    if isinstance(session, UntypedSession):
        return to_json(await session.snapshot()).decode()
    if not isinstance(session, Session):
        raise TypeError(f"{type(session).__name__} is neither typed nor untyped")
    found = await session._read_all()
    session._state_of(found)  # which raises where it does not fit
    parts = [to_json(key.name) + b":" + _text(key, found.get(key.name)) for key in session.schema.keys]
    return (b"{" + b",".join(parts) + b"}").decode()


def _text(key: Key[Any, Any], raw: bytes | None) -> bytes:
    if raw is not None:
        return to_json(MASK) if key.secret else raw
    default = key.decode(None)
    return b"null" if default is None else key.encode(default)
