"""The child's side of a contest: prepares one contestant, then performs rounds when it is told to.

It speaks JSON, a line each, over its standard streams. It runs in peers' environments too, so it imports nothing but
the standard library and the contestant. How a round is measured, and how it is made sure that the operations did what
they say, is the same for all of them and stands here.
"""

import asyncio
import importlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final, TypeAlias

Operation: TypeAlias = Callable[[int, int], Awaitable[Any]]
"""Performs one operation, given the index of a session and a number to write; returns what it found, if anything."""


@dataclass(frozen=True)
class Setting:
    """What a contestant is to prepare.

    Attributes:
        url: Where its server or its file is.
        sessions: How many sessions.
        other: How much else each session holds: lists of small objects, by key.
        handles: The sessions, where another process has made them; none to make them.
        options: What else the contestant is told, which it explains.
    """

    url: str = ""
    sessions: int = 1
    other: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    handles: Sequence[str] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Ready:
    """A contestant that has prepared itself.

    Attributes:
        operations: What it can do, by name. ``get`` returns the number of a session, ``set`` writes it, ``increment``
            and ``update`` add one to it; these are checked after each round.
        handles: What another process needs to use the same sessions.
        count: Returns what else is to be told of a round, such as retries; asked before it and after it.
    """

    operations: Mapping[str, Operation]
    handles: Sequence[str] = ()
    count: Callable[[], Mapping[str, int]] = dict


Contestant: TypeAlias = Callable[[Setting], AbstractAsyncContextManager[Ready]]


@dataclass(frozen=True)
class Round:
    """What is to be done: ``each`` operations by each of some tasks.

    The tasks use one session each, from ``first`` on, or all the first one if it is ``shared``. What is not ``checked``
    is looked after by the parent.
    """

    operation: str
    tasks: int = 1
    each: int = 1
    shared: bool = False
    first: int = 0
    checked: bool = True


_STARTS: Final = cycle((1, 500_001))
"""Where the numbers begin that a round writes: not where those of the round before did, so that each write is a change.

What a store does with the value that it already has is not what is measured.
"""


class Bout:
    """One round of a contestant: what is there before, the round itself, and whether it did what it says."""

    def __init__(self, ready: Ready, wanted: Round) -> None:
        self._ready = ready
        self._written = range(next(_STARTS), 1 << 30)[: wanted.each]
        self._wanted = wanted
        self._sessions = range(0 if not wanted.checked else 1 if wanted.shared else wanted.tasks)
        self._before: list[Any] = []
        self._found: list[Any] = [None] * wanted.tasks

    async def begin(self) -> dict[str, Any]:
        """See what the sessions hold; before a round that reads, that is to be a number of each one's own."""
        operations = self._ready.operations
        if self._wanted.operation == "get":
            for session in self._sessions:
                await operations["set"](session, 1000 + session)
        self._before = [await operations["get"](session, 0) for session in self._sessions]
        return {}

    async def go(self) -> dict[str, Any]:
        """Perform the round; return what it took, and how far the slowest task was when the first had finished."""
        wanted, operation, found = self._wanted, self._ready.operations[self._wanted.operation], self._found
        done = [0] * wanted.tasks
        at_first_end: list[int] = []

        async def work(task: int) -> None:
            session = wanted.first + (0 if wanted.shared else task)
            for number in self._written:
                found[task] = await operation(session, number)
                done[task] += 1
            if not at_first_end:
                at_first_end.extend(done)

        counted = self._ready.count()
        cpu, start = time.process_time(), time.perf_counter()
        if wanted.tasks == 1:
            await work(0)
        else:
            await asyncio.gather(*map(work, range(wanted.tasks)))
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        counts = {name: number - counted.get(name, 0) for name, number in self._ready.count().items()}
        slowest = min(at_first_end) / wanted.each
        last = self._written[-1]
        return {"seconds": seconds, "cpu": cpu, "done": sum(done), "slowest": slowest, "counts": counts, "last": last}

    async def check(self) -> dict[str, Any]:
        """Make sure that the operations did what they say.

        Raises:
            RuntimeError: If not: then what they took means nothing.
        """
        wanted, found = self._wanted, self._found
        after = [await self._ready.operations["get"](session, 0) for session in self._sessions]
        often = wanted.each * (wanted.tasks if wanted.shared else 1)
        match wanted.operation:
            case "get":
                expected = [1000 + session for session in self._sessions]
                is_right = after == expected and found == (expected * wanted.tasks if wanted.shared else expected)
            case "set":
                is_right = after == [self._written[-1]] * len(after)
            case "increment" | "update":
                is_right = after == [number + often for number in self._before]
            case _:
                is_right = True
        if not is_right:
            raise RuntimeError(f"{wanted}: found {found[:3]}, then {after[:3]} after {self._before[:3]}")
        return {}


async def _serve(contestant: Contestant, setting: Setting, answer: Callable[[object], None]) -> None:
    async with contestant(setting) as ready:
        bout = Bout(ready, Round("get"))
        answer({"handles": list(ready.handles)})
        for line in sys.stdin:  # nothing else is to go on between rounds, so the event loop may well stand still
            told = json.loads(line)
            try:
                match told.pop("do"):
                    case "begin":
                        bout = Bout(ready, Round(**told))
                        answer(await bout.begin())
                    case "go":
                        answer(await bout.go())
                    case "check":
                        answer(await bout.check())
                    case "call":
                        answer({"result": await ready.operations[told["operation"]](told["session"], told["number"])})
            except Exception as error:
                answer({"error": f"{type(error).__name__}: {error}"})


def main() -> None:
    """Serve the contestant that is named, with the setting of the first line."""
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is none of the parent's business

    def answer(what: object) -> None:
        print(json.dumps(what), file=stream)

    setting = Setting(**json.loads(sys.stdin.readline()))
    try:
        contestant: Contestant = importlib.import_module(f"contestants.{sys.argv[1]}").contestant
        asyncio.run(_serve(contestant, setting, answer))
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
