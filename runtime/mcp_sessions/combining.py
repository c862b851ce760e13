"""Changes of one key that tasks of one event loop want at the same time: made one after the other, and stored at once.

A change is a step from bytes to bytes. While somebody's change is on its way, those of others wait; then all that wait
are one step, so that many writers of one key cost little more than one. Nobody can tell that from writing them singly,
since what another would have read in between is never in the store. A step is made in a copy of the context of whoever
wants it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context, copy_context
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

from mcp_sessions.attempts import Beaten
from mcp_sessions.forms import UNSET, Unset

Step: TypeAlias = Callable[[bytes | None], tuple[bytes | Unset | None, Any]]
"""What a key holds goes in; what it is to hold (UNSET: as before), and a result for whoever wanted that, come out."""

Perform: TypeAlias = Callable[[Step], Awaitable[Any]]
"""Makes a step atomically, running it again if others come between, and returns its result."""

_MOST: Final = 64
"""How many steps are made together at most."""


class Apart(Exception):
    """Steps cannot be made together; nothing was done, and whoever wanted one has to make it alone."""


@dataclass(eq=False, slots=True)
class _Wish:
    """A step that somebody waits for, to be made in the context of whoever does."""

    step: Step
    answer: "asyncio.Future[Any]"
    context: Context = field(default_factory=copy_context)
    outcome: Any = None
    error: BaseException | None = None

    def make(self, held: bytes | None) -> bytes | Unset | None:
        """Make the step, and note what comes of it; a step that fails changes nothing, and so does one given up."""
        self.outcome = self.error = None
        if self.answer.done():
            return UNSET
        try:
            wanted, self.outcome = self.context.run(self.step, held)
        except (KeyboardInterrupt, SystemExit):
            raise
        except StopIteration as error:  # which no future takes
            self.error = RuntimeError("the function raised StopIteration")
            self.error.__cause__ = error
            return UNSET
        except BaseException as error:
            self.error = error
            return UNSET
        return wanted

    def tell(self) -> None:
        """Answer whoever still waits."""
        if self.answer.done():
            return
        if isinstance(self.error, asyncio.CancelledError):
            self.answer.cancel()
        elif self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.outcome)


class _Turns:
    """Those who wait to change one key."""

    def __init__(self) -> None:
        self._wishes: deque[_Wish] = deque()
        self._task: asyncio.Task[None] | None = None

    async def make(self, step: Step, perform: Perform) -> Any:
        """Have a step made, and return its result."""
        loop = asyncio.get_running_loop()
        wish = _Wish(step, loop.create_future())
        self._wishes.append(wish)
        if self._task is None:
            self._task = loop.create_task(self._make_all(perform))
        return await wish.answer

    async def _make_all(self, perform: Perform) -> None:
        taken: list[_Wish] = []
        try:
            while self._wishes:
                taken = [self._wishes.popleft() for _ in range(min(_MOST, len(self._wishes)))]
                await _make(taken, perform)
        finally:
            self._task = None
            for wish in (*taken, *self._wishes):  # none, unless the event loop ends
                wish.answer.cancel()
            self._wishes.clear()


_turns: WeakValueDictionary[Hashable, _Turns] = WeakValueDictionary()


async def make_in_turn(step: Step, perform: Perform, *what: Hashable) -> Any:
    """Have a step made when it is its turn, together with other steps for the same ``what``, and return its result.

    Args:
        step: The step.
        perform: Makes steps; any of those that are given for the same ``what`` may be used for all.
        what: What is changed, how, and on whose behalf.

    Raises:
        Apart: If the step has to be made alone, in whatever way that is done.
        Beaten: If others won each time, until the retries were used up.
    """
    name = (asyncio.get_running_loop(), *what)
    turns = _turns.get(name)
    if turns is None:
        turns = _turns[name] = _Turns()
    return await turns.make(step, perform)


async def _make(wishes: list[_Wish], perform: Perform) -> None:
    """Make steps as one, and answer those who wanted them."""
    try:
        if not all(wish.answer.done() for wish in wishes):
            await perform(_in_a_row(wishes))
    except Apart:
        for wish in wishes:
            wish.error = Apart()  # whatever came of the steps came of what is not stored
    except Exception as error:
        for wish in wishes:
            wish.error = wish.error or _another(error)
    for wish in wishes:
        wish.tell()


def _another(error: Exception) -> Exception:
    """Return an error like this one, since each raises its own; the same, if there can be no other."""
    if isinstance(error, Beaten):
        return Beaten(error.actual)
    try:
        made = copy(error)
    except Exception:
        return error
    vars(made).update(vars(error))
    return made


def _in_a_row(wishes: list[_Wish]) -> Step:
    def step(held: bytes | None) -> tuple[bytes | Unset | None, None]:
        result: bytes | Unset | None = UNSET
        for wish in wishes:
            wanted = wish.make(held)
            if not isinstance(wanted, Unset):
                result = held = wanted
        return result, None

    return step
