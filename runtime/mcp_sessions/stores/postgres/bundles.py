"""What is sent together: each bundle is a statement, and so a transaction.

Calls about single keys are cheap but for what each statement and each transaction costs, so many of them make one
bundle. Any other call is a bundle by itself.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, cast

from mcp_sessions.stores.postgres import one
from mcp_sessions.stores.postgres.calls import Call, Family, Row
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.wire import Statement


@dataclass(eq=False, slots=True)
class Job:
    """A call, and who waits for it.

    Attributes:
        call: The call.
        arguments: Its arguments, as the server takes them.
        answer: Where the rows go.
        submitted: When it began to wait, by the event loop's clock.
        is_alone: Whether it is to be a bundle by itself.
    """

    call: Call
    arguments: list[bytes | None]
    answer: "asyncio.Future[list[Row]]"
    submitted: float
    is_alone: bool = False

    @property
    def kind(self) -> str:
        """The function that is called, if others that call it can be in the same bundle; else nothing."""
        return self.call.function if not self.is_alone and self.call.function in one.FUNCTIONS else ""

    @property
    def family(self) -> Family:
        """The family of the session that it is about."""
        return cast(Family, self.call.family)

    @property
    def order(self) -> Sequence[bytes | None]:
        """In which order bundles lock sessions, so that none waits for another in a circle."""
        return self.arguments[1:4]

    def alone(self, now: float) -> "Job":
        """Return it as one that has to be done by itself, and begins to wait now."""
        return Job(self.call, self.arguments, self.answer, now, is_alone=True)


@dataclass(slots=True)
class Bundle:
    """Calls that are one statement."""

    jobs: list[Job]

    @property
    def is_joined(self) -> bool:
        """Whether there are several."""
        return len(self.jobs) > 1

    def statement(self, database: Database) -> Statement:
        """Return the statement."""
        first = self.jobs[0]
        if not self.is_joined:
            return database.statement(first.call.function, first.arguments)
        self.jobs.sort(key=_ORDER)
        rows = [job.arguments for job in self.jobs]
        if first.kind == "put":
            rows = [_beginning_elsewhere(row) for row in rows]
        return database.joined(first.call.function, rows)

    def answer(self, rows: list[Row]) -> list[Job]:
        """Give everybody their answer; return those calls that have to be made again, each by itself."""
        if not self.is_joined:
            _give(self.jobs[0], rows)
            return []
        again: list[Job] = []
        for job, row in zip(self.jobs, rows, strict=True):
            if one.is_undone(row):
                again.append(job)
            else:
                _give(job, [row])
        return again


_ORDER: Final = attrgetter("order")
_TRUE: Final = b"\x01"


def bundled(jobs: Sequence[Job]) -> list[Bundle]:
    """Return what makes one statement each; calls of one family stay in their order.

    So calls of a family that are not all alike are bundles by themselves.
    """
    kinds: dict[Family, str] = {}
    for job in jobs:
        if kinds.setdefault(job.family, job.kind) != job.kind:
            kinds[job.family] = ""
    bundles: list[Bundle] = []
    joined: dict[str, Bundle] = {}
    for job in jobs:
        kind = kinds[job.family]
        if kind in joined:
            joined[kind].jobs.append(job)
            continue
        bundles.append(Bundle([job]))
        if kind:
            joined[kind] = bundles[-1]
    return bundles


def _beginning_elsewhere(arguments: list[bytes | None]) -> list[bytes | None]:
    """Return arguments with which a session does not begin: that takes locks in an order of its own."""
    if arguments[one.BEGINS] != _TRUE:
        return arguments
    return [*arguments[: one.BEGINS], None, *arguments[one.BEGINS + 1 :]]


def _give(job: Job, rows: list[Row]) -> None:
    if not job.answer.done():
        job.answer.set_result(rows)
