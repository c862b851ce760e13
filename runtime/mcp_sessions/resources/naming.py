"""The URIs of session state: ``session://{schema}/{handle}``, and ``session://{schema}/current`` without a handle.

Decides what a URI means for a call, and refuses by the rules of ``resolve``; reads no store.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call
from mcp_sessions.errors import SessionRequiredError
from mcp_sessions.resolve import locate
from mcp_sessions.stores.base import Access

CURRENT: Final = "current"
"""What stands in the place of a handle for the state that the caller has without one."""

_URI: Final = re.compile(r"session://([^/?#]+)/([^/?#]+)")
_LIKE_OURS: Final = re.compile(r"\s*sessions?:", re.IGNORECASE)
_OURS: Final = re.compile(r"session://([^/?#]*)", re.IGNORECASE)


class Named(NamedTuple):
    """What a URI names: a class of sessions, and the handle of one; None for the state that the caller has."""

    accessor: type[BaseSession]
    handle: str | None


def uri_of(schema: str, handle: str | None = None) -> str:
    """Return the URI of a session; without a handle, that of the caller's own state."""
    return f"session://{schema}/{CURRENT if handle is None else handle}"


def named_by(uri: str, accessors: Mapping[str, type[BaseSession]]) -> Named | None:
    """Return what a URI names; None if it is not one of ours."""
    found = _URI.fullmatch(uri)
    accessor = accessors.get(found[1]) if found else None
    if found is None or accessor is None:
        return None
    return Named(accessor, None if found[2] == CURRENT else found[2])


def may_be_meant(uri: str, accessors: Mapping[str, type[BaseSession]]) -> bool:
    """Tell whether a URI names nothing of ours and looks as if it should, so that it may have a handle in it."""
    return _LIKE_OURS.match(uri) is not None and named_by(uri, accessors) is None


def is_malformed(uri: str, accessors: Mapping[str, type[BaseSession]], others: Iterable[str]) -> bool:
    """Tell whether a URI may be meant for one of ours, and is none of the server's other resources.

    Args:
        uri: The URI.
        accessors: The classes whose sessions are resources, by the name of their schema.
        others: The URIs and URI templates of the server.
    """
    if not may_be_meant(uri, accessors):
        return False
    found = _OURS.match(uri)
    if found is not None and found[1].lower() in accessors:
        return True
    return not any(uri == each or ("{" in each and uri.startswith(each.partition("{")[0])) for each in others)


def access_by(named: Named, call: Call | None) -> Access:
    """Return the access to what a URI names, for the caller.

    Raises:
        SessionError: If it names no session, or none that could be there.
    """
    schema = named.accessor.schema
    if named.handle is None and call is not None and schema.scope == "auto" and call.transport is None:
        raise SessionRequiredError(
            f"you have no {schema.name} state without a handle. Its URI with one is {uri_of(schema.name, 'HANDLE')}."
        )
    return locate(schema, call, named.handle, is_argument=named.handle is not None)


def have_current(accessors: Sequence[type[BaseSession]], call: Call | None) -> list[type[BaseSession]]:
    """Return the classes of which the caller has state without a handle."""
    return [accessor for accessor in accessors if _has_current(accessor, call)]


def _has_current(accessor: type[BaseSession], call: Call | None) -> bool:
    if call is None or accessor.schema.scope == "handle":
        return False
    if accessor.schema.scope == "user":
        return call.caller.owner is not None and call.caller.individual
    return call.transport is not None
