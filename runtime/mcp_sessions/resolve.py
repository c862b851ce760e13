"""Whose session is it: the one place that decides which session a call means, and refuses everything else.

It decides by names alone and reads no store: whether the session that it names is live and the caller's, the store
checks within each operation. Its messages are for a model to act on, so they never send it after a tool or an argument
that it does not have.
"""

from typing import Final

from mcp_sessions.context import Call
from mcp_sessions.errors import SessionEndedError, SessionExpiredError, SessionNotFoundError, SessionRequiredError
from mcp_sessions.ids import is_handle
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Access, Address, Lifetime, Reason, Space


def locate(schema: SessionSchema, call: Call | None, handle: str | None, *, is_argument: bool) -> Access:
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
        handle: The handle that the call gives; None when it gives none.
        is_argument: Whether the accessor is an argument of the tool, so that the call can give a handle at all.

    Raises:
        SessionRequiredError: If the call names no session.
        SessionNotFoundError: If the handle is none that was ever minted for this schema.
    """
    if call is None:
        raise SessionRequiredError(_OUTSIDE.format(schema.name))
    if call.schemas is not None and schema.name not in call.schemas:
        raise SessionRequiredError(
            f"the server is not set up for {schema.name} state: its author must list the accessor among "
            f"the schemas of its sessions."
        )
    if handle is not None:
        if not schema.has_handles:
            raise SessionRequiredError(f"{schema.name} state has no handles: leave that argument out.")
        return by_handle(schema, handle, call)
    if schema.scope == "user":
        return _of_user(schema, call)
    if call.transport is None or schema.scope == "handle":
        raise SessionRequiredError(_nothing_named(schema, call, is_argument=is_argument))
    return beginning(schema, Address(call.kind, call.transport, schema.name), call)


def by_handle(schema: SessionSchema, handle: str, call: Call) -> Access:
    """Return the access to the session that a handle names.

    Raises:
        SessionNotFoundError: If the handle is none that was ever minted for this schema.
    """
    if not is_handle(handle, schema.name):
        raise not_live(schema, "unknown", "handle", tools=call.tools, prefix=call.prefix)
    address = Address("handle", handle, schema.name)
    return access_to(schema, address, call)


def beginning(schema: SessionSchema, address: Address, call: Call) -> Access:
    """Return the access to a session that begins with its first write."""
    return access_to(schema, address, call, lifetime_of(schema, call))


def access_to(schema: SessionSchema, address: Address, call: Call, begin: Lifetime | None = None) -> Access:
    """Return the access of a call's caller to a session; with ``begin``, one that may begin."""
    return Access(
        address,
        call.caller.owner,
        begin,
        schema.version,
        schema.digest,
        schema.compatible_since,
        schema.reads_since,
        call.limits,
    )


def lifetime_of(schema: SessionSchema, call: Call) -> Lifetime:
    """Return how long a session lives that the call begins: as its schema says, else as the server does."""
    return Lifetime(schema.idle or call.idle, schema.max or call.max)


def not_live(
    schema: SessionSchema, reason: Reason, space: Space, *, tools: bool = True, prefix: str = ""
) -> SessionNotFoundError:
    """Return the error for a session that is not live, with words that a model can act on."""
    if space != "handle":
        what = f"the MCP session that held this {schema.name} state"
        advice = "The client must initialize again."
    else:
        what = f"this {schema.name} session"
        how = f"Call {prefix}{schema.create_tool_name} for" if tools else "Begin"
        advice = f"{how} a new one, and use its handle instead."
    if reason == "expired":
        return SessionExpiredError(f"{what} has expired, and what it held is gone. {advice}")
    if reason == "ended":
        return SessionEndedError(f"{what} has been ended, and what it held is gone. {advice}")
    if space != "handle":
        return SessionNotFoundError(f"{what} is not known here. {advice}")
    return SessionNotFoundError(f"there is no such {schema.name} session. {advice}")


def ended_meanwhile(schema: SessionSchema, reason: Reason) -> SessionNotFoundError:
    """Return the error for state without a handle that was there earlier in the same call."""
    kind = SessionExpiredError if reason == "expired" else SessionEndedError
    how = "expired" if reason == "expired" else "been ended"
    return kind(
        f"this {schema.name} state has {how} while the call was using it, and what it held is gone. Call the tool "
        f"again to begin anew."
    )


def begins_anew(schema: SessionSchema) -> SessionNotFoundError:
    """Return the error, given once, for state without a handle that has expired since it was last used."""
    return SessionExpiredError(
        f"this {schema.name} state has expired, and what it held is gone. The next call begins anew."
    )


_OUTSIDE: Final = (
    "there is no MCP call here that could tell which {} session is meant. Accessors work in the tools of a server with "
    "Sessions(...) among its extensions, and in its prompts and resources where sessions.http_app, sessions.run or "
    "sessions.attach has it served; and in a FastMCP server to which FastMCPSessions(...) was added. Outside of a "
    "server, use .create(store) or .open(store, handle)."
)


def _of_user(schema: SessionSchema, call: Call) -> Access:
    if call.caller.owner is None:
        raise SessionRequiredError(
            f"{schema.name} state belongs to a user, and this call carries no authenticated one: the server must be "
            f"set up with authentication, and the client must log in."
        )
    if not call.caller.individual:
        raise SessionRequiredError(
            f"{schema.name} state belongs to a user, and the access token of this call names a client but no user: "
            f"the server's token verifier must set the token's subject."
        )
    return beginning(schema, Address("user", call.caller.owner, schema.name), call)


def _nothing_named(schema: SessionSchema, call: Call, *, is_argument: bool) -> str:
    why = "MCP revisions from 2026-07-28 on have none" if call.modern else "this connection has none"
    if not schema.has_handles:
        return (
            f"{schema.name} state lives in the client's MCP session, and {why}. The server's author must give the "
            f"schema the scope 'auto' or 'handle', so that a handle can be used instead."
        )
    if not call.tools:
        return (
            f"this call names no {schema.name} session, and the server has no tool that begins one: its author must "
            f"offer one, or leave out tools=False where the sessions are made."
        )
    if not is_argument:
        found = "a handle names it" if schema.scope == "handle" else f"the client's MCP session holds it, and {why}"
        return (
            f"this needs {schema.name} state: {found}. The server's author must offer it as a tool that has the "
            f"accessor as a parameter, so that a handle can be given."
        )
    return (
        f"this call names no {schema.name} session. Call {call.prefix}{schema.create_tool_name} first, then call this "
        f"tool again with the handle that it returns, as its argument for the {schema.name} session."
    )
