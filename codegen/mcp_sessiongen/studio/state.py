"""What one running studio holds: its store, who may use it, and what its addresses stand for."""

import hashlib
import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from starlette.requests import Request

from mcp_sessiongen.studio.access import Visitor, Visitors
from mcp_sessiongen.studio.surveys import Survey
from mcp_sessions.admin import Catalog, Finding, Stats, Summary, find
from mcp_sessions.stores.base import Address, Store

V = TypeVar("V")

COLOURS: Final = 8
"""How many colours there are to tell schemas apart; the style sheet has them as c0 to c7."""

_REFERENCE: Final = re.compile("[a-z2-7]{20}")
_MOST_REMEMBERED: Final = 20_000


class Remembered(OrderedDict[str, V], Generic[V]):
    """The latest of what short names in addresses stand for; what is forgotten has to be looked for."""

    def __setitem__(self, name: str, value: V) -> None:
        """Remember one more, and forget the oldest for it."""
        super().__setitem__(name, value)
        self.move_to_end(name)
        while len(self) > _MOST_REMEMBERED:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Place:
    """A page of a listing: where the store goes on, and the name of the page before it."""

    cursor: str
    before: str


@dataclass(frozen=True, slots=True)
class Counted:
    """The numbers of a store, and what time it was there."""

    stats: Stats
    at: float


@dataclass(kw_only=True)
class Studio:
    """One running studio.

    Attributes:
        store: Whose sessions are shown.
        catalog: The schemas at hand.
        shown_store: The store's address as it may be shown.
        port: Where it listens.
        visitors: Who may use it.
        can_write: Whether sessions may be changed and ended.
        reveal: Whether secret values are shown.
        colours: What sessions that were seen are called, and their colours: the first eight have different ones.
        addresses: The sessions that were listed, by their references.
        families: What was found in MCP sessions, by their ids.
        places: The pages of listings that were offered, by a digest: a store's cursor has a whole session id.
        counting: The numbers of the overview, which go through the whole store.
        checking: The findings about the store, which do so too.
        failure: What the store last had to say when it failed, so that it is told to the terminal once.
    """

    store: Store
    catalog: Catalog
    shown_store: str
    port: int
    visitors: Visitors
    can_write: bool = False
    reveal: bool = False
    colours: dict[str, int] = field(default_factory=dict)
    addresses: Remembered[Address] = field(default_factory=Remembered)
    families: Remembered[set[Address]] = field(default_factory=Remembered)
    places: Remembered[Place] = field(default_factory=Remembered)
    counting: Survey[Counted] = field(default_factory=Survey)
    checking: Survey[list[Finding]] = field(default_factory=Survey)
    failure: str = ""

    @property
    def hosts(self) -> frozenset[str]:
        """The values of ``Host`` that mean this studio."""
        names = ("127.0.0.1", "localhost")
        bare = names if self.port == 80 else ()
        return frozenset([*(f"{name}:{self.port}" for name in names), *bare])

    @property
    def cookie_name(self) -> str:
        """The cookie's name; it has the port, because browsers give a host's cookies to all of its ports."""
        return f"studio-{self.port}"

    def colour(self, schema: str) -> str:
        """Return the class of the colour that a schema has on every page."""
        return f"c{self.colours.setdefault(schema, len(self.colours)) % COLOURS}"

    def listed(self, sessions: list[Summary]) -> list[Summary]:
        """Remember what is listed, so that its links lead there at once."""
        for one in sessions:
            self.addresses[one.reference] = one.address
            self.colour(one.schema)
        return sessions

    async def address(self, reference: str) -> Address | None:
        """Return which session a reference means; None if there is no such live one."""
        known = self.addresses.get(reference)
        if known is not None or not _REFERENCE.fullmatch(reference):
            return known
        found = self.listed([one for one in await find(self.store, reference) if one.reference == reference])
        return found[0].address if found else None

    def offer(self, cursor: str, before: str) -> str:
        """Return the name under which an address can have a page of a listing."""
        name = hashlib.sha256(cursor.encode()).hexdigest()[:20]
        self.places[name] = Place(cursor, before)
        return name


def studio_of(request: Request) -> Studio:
    """Return the studio that a request is for."""
    studio: Studio = request.app.state.studio
    return studio


def visitor_of(request: Request) -> Visitor:
    """Return who asks."""
    visitor: Visitor = request.state.visitor
    return visitor
