"""Changes of one key that tasks of one event loop want at the same time: made one after the other, and stored at once.

A change is a step from bytes to bytes. While somebody's change is on its way, those of others wait; then all that wait
are one step, so that many writers of one key cost little more than one. Nobody can tell that from writing them singly,
since what another would have read in between is never in the store.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context, copy_context
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from weakref import WeakValueDictionary

from mcp_sessions.errors import SessionLimitError
from mcp_sessions.forms import UNSET, Unset

Step: TypeAlias = Callable[[bytes | None], tuple[bytes | Unset | None, Any]]
"""What a key holds goes in; what it is to hold (UNSET: as before), and a result for whoever wanted that, come out."""

Perform: TypeAlias = Callable[[Step], Awaitable[Any]]
"""Makes a step atomically, running it again if others come between, and returns its result."""

_MOST: Final = 64
"""How many steps are made together at most."""


@dataclass(eq=False, slots=True)
class _Wish:
    """A step that somebody waits for, to be made in the context of whoever does."""

    step: Step
    answer: "asyncio.Future[Any]"
    context: Context = field(default_factory=copy_context)
    outcome: Any = None
    error: Exception | None = None

    def make(self, held: bytes | None) -> bytes | Unset | None:
        """Make the step, and note what comes of it; a step that fails changes nothing."""
        self.outcome = self.error = None
        try:
            wanted, self.outcome = self.context.run(self.step, held)
        except Exception as error:
            self.error = error
            return UNSET
        return wanted

    def tell(self) -> None:
        """Answer whoever still waits."""
        if self.answer.done():
            return
        if self.error is not None:
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
        try:
            while self._wishes:
                wishes = [self._wishes.popleft() for _ in range(min(_MOST, len(self._wishes)))]
                await _make(wishes, perform)
        finally:
            self._task = None
            for wish in self._wishes:  # the event loop ends
                wish.answer.cancel()


_turns: WeakValueDictionary[Hashable, _Turns] = WeakValueDictionary()


async def make_in_turn(step: Step, perform: Perform, *what: Hashable) -> Any:
    """Have a step made when it is its turn, together with other steps for the same ``what``, and return its result.

    Args:
        step: The step.
        perform: Makes steps; any of those that are given for the same ``what`` may be used for all.
        what: What is changed, and on whose behalf.
    """
    name = (asyncio.get_running_loop(), *what)
    turns = _turns.get(name)
    if turns is None:
        turns = _turns[name] = _Turns()
    return await turns.make(step, perform)


async def _make(wishes: list[_Wish], perform: Perform) -> None:
    """Make steps as one; those that do not fit together, each by itself."""
    wanted = [wish for wish in wishes if not wish.answer.done()]
    try:
        if wanted:
            await perform(_in_a_row(wanted))
    except SessionLimitError as error:
        if len(wanted) > 1:
            for wish in wanted:
                await _make([wish], perform)
            return
        wanted[0].error = error
    except Exception as error:
        for wish in wanted:
            wish.error = copy(error)  # each raises its own
            vars(wish.error).update(vars(error))
    except BaseException:
        for wish in wanted:
            wish.answer.cancel()
        raise
    for wish in wanted:
        wish.tell()


def _in_a_row(wishes: list[_Wish]) -> Step:
    def step(held: bytes | None) -> tuple[bytes | Unset | None, None]:
        result: bytes | Unset | None = UNSET
        for wish in wishes:
            wanted = wish.make(held)
            if not isinstance(wanted, Unset):
                result = held = wanted
        return result, None

    return step
