"""Who may use the studio: whoever has its token, and from then on whoever has the cookie that was given for it."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

IDLE_SECONDS: Final = 12 * 3600.0
"""How long a browser may stay away and still be known."""

MOST_VISITORS: Final = 100
"""How many browsers are known at a time; the one that was away longest makes room."""

_RANDOM_BYTES: Final = 32


@dataclass(slots=True)
class Visitor:
    """One browser that has shown the token.

    Attributes:
        form_token: What every form of this browser carries, so that no other site can send one.
        seen: When it last asked for something, by the clock of ``Visitors``.
        notice: What its next page says on top, once.
    """

    form_token: str
    seen: float
    notice: str = ""

    def sent(self, form_token: str) -> bool:
        """Tell whether a form comes from a page that this browser was given."""
        return _same(self.form_token, form_token)

    def told(self) -> str:
        """Return the notice, which is told once."""
        notice, self.notice = self.notice, ""
        return notice


class Visitors:
    """The browsers that were admitted. Cookies are kept as digests, so looking one up tells nothing by its time."""

    def __init__(self, token: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._clock = clock
        self._known: OrderedDict[bytes, Visitor] = OrderedDict()

    def admit(self, token: str) -> str | None:
        """Return a new cookie for whoever has the token; None for anybody else."""
        if not _same(self._token, token):
            return None
        cookie = new_token()
        self._known[_digest(cookie)] = Visitor(new_token(), self._clock())
        while len(self._known) > MOST_VISITORS:
            self._known.popitem(last=False)
        return cookie

    def find(self, cookie: str) -> Visitor | None:
        """Return whose cookie that is; None if it is nobody's, or was not used for too long."""
        name, now = _digest(cookie), self._clock()
        visitor = self._known.get(name)
        if visitor is None:
            return None
        if now - visitor.seen > IDLE_SECONDS:
            del self._known[name]
            return None
        visitor.seen = now
        self._known.move_to_end(name)
        return visitor


def new_token() -> str:
    """Return 256 random bits, as text for an address or a form."""
    return secrets.token_urlsafe(_RANDOM_BYTES)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _same(known: str, given: str) -> bool:
    """Compare in a time that tells nothing of where two texts differ."""
    return hmac.compare_digest(_digest(known), _digest(given))
