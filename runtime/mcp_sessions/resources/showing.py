"""A session as it is shown: as JSON, in the types of its schema, with secret values masked."""

from typing import Any, Final

from pydantic_core import from_json, to_json

from mcp_sessions.base_session import BaseSession
from mcp_sessions.hiding import MASK, hidden, is_secret_name
from mcp_sessions.keys import Key
from mcp_sessions.session import Session
from mcp_sessions.untyped import UntypedSession

_NULL: Final = b"null"


async def shown(session: BaseSession) -> str:
    """Return what a session holds at one moment, as ``snapshot()`` has it: keys that are unset have their default.

    It is read as an accessor reads it, so it is a use, and costs one round trip.

    Raises:
        SessionError: If there is no such session, or what it holds does not fit.
    """
    if isinstance(session, UntypedSession):
        held = {name: to_json(value) for name, value in (await session.snapshot()).items()}
    elif isinstance(session, Session):
        found = await session._read_all()
        session._state_of(found)  # which raises where it does not fit
        held = {key.name: _text(key, found.get(key.name)) for key in session.schema.keys}
    else:
        raise TypeError(f"{type(session).__name__} is neither typed nor untyped")
    secrets = session.schema.secrets
    parts = [to_json(name) + b":" + _masked(name, text, name in secrets) for name, text in held.items()]
    return (b"{" + b",".join(parts) + b"}").decode()


def _text(key: Key[Any, Any], raw: bytes | None) -> bytes:
    if raw is not None:
        return raw
    default = key.decode(None)
    return _NULL if default is None else key.encode(default)


def _masked(name: str, text: bytes, is_secret: bool) -> bytes:
    """Return the text of a key's value without what is secret, which is what `sessions show` masks too."""
    if text == _NULL:
        return text
    if is_secret or is_secret_name(name):
        return to_json(MASK)
    try:
        visible, is_partial = hidden(from_json(text))
    except ValueError:  # nobody knows what is in it
        return to_json(MASK)
    return to_json(visible) if is_partial else text
