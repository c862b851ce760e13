"""Whose session is it: the one place that decides which session a call means, and refuses everything else.

It decides by names alone and reads no store: whether the session that it names is live and the caller's, the store
checks within each operation.
"""

from mcp_sessions.context import Call
from mcp_sessions.errors import SessionEndedError, SessionExpiredError, SessionNotFoundError, SessionRequiredError
from mcp_sessions.ids import is_handle
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Access, Address, Lifetime, Reason


def locate(schema: SessionSchema, call: Call | None, handle: str | None) -> Access:
    """Return the access to the session that a call means.

    ================  ============================================================================
    scope             the session is named by
    ================  ============================================================================
    auto              the handle if there is one, else the transport session
    handle            the handle
    transport         the transport session
    user              the authenticated principal
    ================  ============================================================================

    Args:
        schema: The kind of session that is asked for.
        call: The call that is being served; None outside of a server.
        handle: What the handle argument held; None when it was not given.

    Raises:
        SessionRequiredError: If the call names no session.
        SessionNotFoundError: If the handle is none that was ever minted for this schema.
    """
    if call is None:
        raise SessionRequiredError(
            f"there is no MCP call here that could tell which {schema.name} session is meant. Is Sessions(...) among "
            f"the server's extensions? Outside of a server, use .create(store) or .open(store, handle)."
        )
    if schema.scope == "user":
        return _of_user(schema, call)
    if handle is not None and schema.scope != "transport":
        return by_handle(schema, handle, call.owner)
    if schema.scope == "handle":
        raise SessionRequiredError(
            f"this tool needs a {schema.argument} handle: call {schema.create_tool_name} first, then pass the handle "
            f"it returns as the argument {schema.argument!r}."
        )
    if call.transport is not None:
        return Access(Address("transport", call.transport, schema.name), call.owner, begin=call.vouched)
    raise SessionRequiredError(_no_transport(schema, call))


def by_handle(schema: SessionSchema, handle: str, owner: str | None) -> Access:
    """Return the access to the session that a handle names.

    Raises:
        SessionNotFoundError: If the handle is none that was ever minted for this schema.
    """
    if not is_handle(handle, schema.name):
        raise not_live(schema, "unknown", "handle")
    return Access(Address("handle", handle, schema.name), owner)


def not_live(schema: SessionSchema, reason: Reason, space: str) -> SessionNotFoundError:
    """Return the error for a session that is not live, with words that a model can act on."""
    if space == "transport":
        if reason == "unknown":
            return SessionNotFoundError(
                f"the MCP session that held this {schema.name} state is not known here: {_AGAIN}"
            )
        kind = SessionExpiredError if reason == "expired" else SessionEndedError
        return kind(f"the MCP session that held this {schema.name} state has {reason}: {_AGAIN}")
    what = f"this {schema.argument} session"
    advice = f"Call {schema.create_tool_name} for a new one and pass its handle as the argument {schema.argument!r}."
    if space == "user":
        advice = "Call the tool again to begin a new one."
    if reason == "expired":
        return SessionExpiredError(f"{what} has expired, and what it held is gone. {advice}")
    if reason == "ended":
        return SessionEndedError(f"{what} has been ended, and what it held is gone. {advice}")
    return SessionNotFoundError(f"there is no such {schema.argument} session. {advice}")


_AGAIN = "the client must initialize again."


def _of_user(schema: SessionSchema, call: Call) -> Access:
    if call.owner is None:
        raise SessionRequiredError(
            f"{schema.name} state belongs to a user, and this call carries no authenticated one: the server must be "
            f"set up with authentication, and the client must log in."
        )
    lifetime = Lifetime(schema.idle or call.idle, schema.max)
    return Access(Address("user", f"{schema.name}:{call.owner}", schema.name), call.owner, begin=lifetime)


def _no_transport(schema: SessionSchema, call: Call) -> str:
    if schema.scope == "transport":
        why = "MCP revisions from 2026-07-28 on have none" if call.modern else "this connection has none"
        return (
            f"{schema.name} state lives in the client's MCP session, and {why}. The server's author must give the "
            f"schema the scope 'auto' or 'handle', so that a handle can be used instead."
        )
    return (
        f"this call names no {schema.argument} session: call {schema.create_tool_name} first, then pass the handle "
        f"it returns as the argument {schema.argument!r}."
    )
