"""The call of a client, for tests of tools that find their session by ``current()``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, TypeAlias

from mcp_sessions.base_session import BaseSession
from mcp_sessions.context import Call, Caller, serving
from mcp_sessions.durations import Duration, seconds
from mcp_sessions.forms import UNSET, Unset
from mcp_sessions.ids import mint_transport_id
from mcp_sessions.stores.base import Store

Era: TypeAlias = Literal["legacy", "modern"]
"""Whether a client's protocol has sessions: up to revision 2025-11-25, or from 2026-07-28 on."""


class SessionCall:
    """What the fixture ``session_call`` is: within its block, accessors see the call of a client.

    Args:
        store: Where the sessions of the server are that the client would have called.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[tuple[str, str | None], str] = {}

    @contextmanager
    def __call__(
        self,
        *arguments: BaseSession,
        era: Era = "legacy",
        owner: str | Unset | None = UNSET,
        client: str = "",
        idle: Duration = "30m",
    ) -> Iterator[None]:
        """Pretend a call for the length of the block.

        Args:
            arguments: Sessions whose handles are among the arguments of the tool; ``current()`` gives those.
            era: A legacy client has a session, which all its calls share; a modern one has none.
            owner: Who is logged in; by default the owner of the sessions among ``arguments``, and nobody without any.
            client: Tells clients apart, by any name: each has a session of its own.
            idle: The server's idle lifetime, for schemas that set none.

        Raises:
            ValueError: If ``era`` is neither, or a session among ``arguments`` has no handle.
        """
        if era not in ("legacy", "modern"):
            raise ValueError(f"era is 'legacy' or 'modern'; got {era!r}")
        who = _owner_of(arguments) if isinstance(owner, Unset) else owner
        call = Call(
            self._store,
            Caller(who, individual=who is not None),
            transport=self._session_of(client, who) if era == "legacy" else None,
            kind="connection",
            modern=era == "modern",
            idle=seconds(idle),
        )
        for session in arguments:
            call.handles.setdefault(session.schema.name, set()).add(_handle_of(session))
        with serving(call):
            yield

    def _session_of(self, client: str, owner: str | None) -> str:
        return self._clients.setdefault((client, owner), mint_transport_id())


def _handle_of(session: BaseSession) -> str:
    address = session._access().address
    if address.space != "handle":
        raise ValueError(
            f"this {session.schema.name} session has no handle, so it is no argument of a call: the same client "
            f"reaches it in its next call"
        )
    return address.id


def _owner_of(arguments: tuple[BaseSession, ...]) -> str | None:
    owners = {session._access().owner for session in arguments}
    return owners.pop() if len(owners) == 1 else None
