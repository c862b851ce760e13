"""How many streams there may be in a process: of one user, and standing ones of all."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

MOST_STREAMS: Final = 32
"""How many streams one authenticated user may have open in a process."""

MOST_STANDING: Final = 1024
"""How many standing streams there may be in a process; as many as the SDK has of ``subscriptions/listen``."""


class TooManyStreamsError(Exception):
    """There are as many streams as there may be.

    ``is_callers`` says whether they are the caller's own, who can close one.
    """

    def __init__(self, message: str, *, is_callers: bool) -> None:
        super().__init__(message)
        self.is_callers = is_callers


class Places:
    """The places for streams of one process."""

    def __init__(self) -> None:
        self._owners: Counter[str] = Counter()
        self._standing = 0

    @contextmanager
    def stream(self, owner: str | None) -> Iterator[None]:
        """Hold a place for a stream of an owner while the block lasts; nobody knows how many nobody's are.

        Raises:
            TooManyStreamsError: If the owner has as many as there may be.
        """
        if owner is None:
            yield
            return
        if self._owners[owner] >= MOST_STREAMS:
            message = f"you have {MOST_STREAMS} streams open: close one, or listen to more by one"
            raise TooManyStreamsError(message, is_callers=True)
        self._owners[owner] += 1
        try:
            yield
        finally:
            self._owners[owner] -= 1
            if not self._owners[owner]:
                del self._owners[owner]

    @contextmanager
    def standing(self, owner: str | None) -> Iterator[None]:
        """Hold a place for a standing stream likewise.

        Raises:
            TooManyStreamsError: If the owner has as many streams as there may be, or all together have.
        """
        with self.stream(owner):
            if self._standing >= MOST_STANDING:
                raise TooManyStreamsError("as many streams are open here as there may be", is_callers=False)
            self._standing += 1
            try:
                yield
            finally:
                self._standing -= 1
