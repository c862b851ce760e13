"""What is sent together: each bundle is a statement, and so a transaction.

Calls about single keys are cheap but for what each statement and each transaction costs, so many of them make one
bundle. Any other call is a bundle by itself.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

from mcp_sessions.stores.postgres import one
from mcp_sessions.stores.postgres.calls import Row
from mcp_sessions.stores.postgres.database import Database
from mcp_sessions.stores.postgres.names import Call, Family
from mcp_sessions.stores.postgres.wire import Statement

_TRUE: Final = b"\x01"


class Job:
    """A call, and who waits for it.

    Attributes:
        call: The call.
        family: The family of the session that it is about; where it has one.
        kind: The function that is called, if others that call it can be in the same bundle; else nothing.
        arguments: What it is given, as the server takes it.
        answer: Where the rows go.
        submitted: When it began to wait, by the event loop's clock.
    """

    __slots__ = ("answer", "arguments", "call", "family", "kind", "submitted")

    def __init__(
        self, call: Call, arguments: list[bytes | None], answer: "asyncio.Future[list[Row]]", now: float
    ) -> None:
        self.call = call
        self.family = cast(Family, call.family)
        self.kind = call.function if call.joinable else ""
        self.arguments = arguments
        self.answer = answer
        self.submitted = now

    @property
    def may_begin(self) -> bool:
        """Whether it begins the session if there is none; among those that can be in a bundle."""
        return self.kind == "put" and self.arguments[one.BEGINS] == _TRUE

    def alone(self, now: float) -> "Job":
        """Return it as one that has to be done by itself, and begins to wait now."""
        job = Job(self.call, self.arguments, self.answer, now)
        job.kind = ""
        return job


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
        self.jobs.sort(key=_name)  # all lock sessions in this order: none waits for another in a circle
        count = one.FUNCTIONS[first.kind]
        rows = [job.arguments[:count] for job in self.jobs]
        if first.kind == "put":
            for row in rows:
                if row[one.BEGINS] == _TRUE:
                    row[one.BEGINS] = None  # to begin a session takes locks in an order of its own
        return database.joined(first.kind, rows)

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


def bundled(jobs: Sequence[Job]) -> list[Bundle]:
    """Return what makes one statement each; calls of one family stay in their order.

    So calls of a family that are not all alike are bundles by themselves, and so are several of which one may begin a
    session, which is done only after the others of its bundle.
    """
    kinds: dict[Family, str] = {}
    numbers = Counter(job.family for job in jobs)
    for job in jobs:
        is_alone = numbers[job.family] == 1
        if kinds.setdefault(job.family, job.kind) != job.kind or (job.may_begin and not is_alone):
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


def _name(job: Job) -> list[bytes | None]:
    return job.arguments[1:4]


def _give(job: Job, rows: list[Row]) -> None:
    if not job.answer.done():
        job.answer.set_result(rows)
