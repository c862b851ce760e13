"""What ``Sessions(resources=...)`` needs besides: a store that notes what changes, and those who tell of it."""

import logging
from collections.abc import Sequence
from typing import Final, NamedTuple

from mcp_sessions.base_session import BaseSession
from mcp_sessions.resources.bus import SessionBus
from mcp_sessions.resources.kept import SUBSCRIPTIONS_SCHEMA
from mcp_sessions.resources.served import Resources
from mcp_sessions.stores.base import TRANSPORT_SCHEMA, Store
from mcp_sessions.stores.memory import MemoryStore
from mcp_sessions.stores.noticed import NoticedStore
from mcp_sessions.stores.notices import LocalNotices, notices_of
from mcp_sessions.stores.notices.board import Board

_log: Final = logging.getLogger("mcp_sessions")


class Offered(NamedTuple):
    """What there is where sessions are offered as resources."""

    resources: Resources
    board: Board
    bus: SessionBus

    def check(self, store: object) -> None:
        """Warn of a store by which other processes do not learn of changes."""
        inside = store
        while (further := getattr(inside, "store", None)) is not None:
            inside = further
        if isinstance(notices_of(store), LocalNotices) and not isinstance(inside, MemoryStore):
            _log.warning(
                "clients are told of changes that this process makes, and of no others: processes that share %s cannot "
                "tell each other anything",
                type(store).__name__,
            )


def resources_among(schemas: Sequence[type[BaseSession]], given: object) -> tuple[type[BaseSession], ...]:
    """Return the classes whose sessions are to be resources: all, or those that are given.

    Raises:
        ValueError: If one of them is not among the schemas.
        TypeError: If that is neither a bool nor a list of classes.
    """
    if isinstance(given, bool):
        return tuple(schemas) if given else ()
    chosen = list(given) if isinstance(given, Sequence) and not isinstance(given, str) else None
    if chosen is None:
        raise TypeError(f"resources is True, or a list of accessor classes, such as [CartSession]; got {given!r}")
    for one in chosen:
        if one not in schemas:
            called = getattr(one, "__name__", repr(one))
            raise ValueError(f"resources has {called}, which is not among the schemas of these Sessions")
    return tuple(dict.fromkeys(chosen))


def offered(store: Store, accessors: Sequence[type[BaseSession]]) -> tuple[Store, Offered | None]:
    """Return what is used of a store, and what else there is; where nothing is a resource, that is the store itself."""
    if not accessors:
        return store, None
    board = _board_of(store)
    if board is None:
        board = Board(notices_of(store))
    bus = SessionBus(board)
    schemas = {TRANSPORT_SCHEMA, SUBSCRIPTIONS_SCHEMA, *(accessor.schema.name for accessor in accessors)}
    noticed = NoticedStore(store, board, schemas=schemas)
    return noticed, Offered(Resources(accessors, board, bus), board, bus)


def _board_of(store: object) -> Board | None:
    """Return the board of a ``NoticedStore`` that somebody has put around the store already."""
    while store is not None and not isinstance(store, NoticedStore):
        store = getattr(store, "store", None)
    return None if store is None else store.board
