"""Teams: several processes of one contestant that work on the same session at the same time."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from children import AbsentError, Child, Entry


@dataclass(frozen=True)
class Outcome:
    """What came of a team's round: how long it took, what was kept, and how even the tasks' progress was."""

    seconds: float
    kept: int
    slowest: float
    retries: int


class Team:
    """Processes of one contestant; the first has made the sessions, the others join."""

    def __init__(self, entry: Entry, processes: int, stack: ExitStack) -> None:
        self._children: list[Child] = []
        for _ in range(processes):
            handles = self._children[0].handles if self._children else ()
            child = Child(replace(entry, setting=replace(entry.setting, handles=handles)))
            stack.callback(child.close)
            child.ready()
            self._children.append(child)

    def increment(self, operation: str, tasks: int, each: int) -> Outcome:
        """Have all tasks add one to the same number so often; tell how much it grew."""
        before = self._read("get", 0)
        answers = self._go({"operation": operation, "each": each, "shared": True}, tasks)
        return self._outcome(answers, self._read("get", 0) - before)

    def write_own(self, tasks: int, each: int) -> Outcome:
        """Have each task write a key of its own; tell how many have what was written last."""
        answers = self._go({"operation": "set_own", "each": each}, tasks)
        kept = sum(self._read("get_own", writer) == answers[0]["last"] for writer in range(tasks))
        return self._outcome(answers, kept)

    def _go(self, wanted: Mapping[str, Any], tasks: int) -> list[Any]:
        share = tasks // len(self._children)
        for number, child in enumerate(self._children):
            first = 0 if wanted.get("shared") else number * share
            child.ask({"do": "begin", **wanted, "tasks": share, "first": first, "checked": False})
        for child in self._children:
            child.tell({"do": "go"})
        answers, failures = [], []
        for (
            child
        ) in self._children:  # all of them are heard, so that nobody takes an answer for that to the next question
            try:
                answers.append(child.answer())
            except AbsentError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return answers

    def _read(self, operation: str, session: int) -> int:
        found = self._children[0].ask({"do": "call", "operation": operation, "session": session, "number": 0})
        return int(found["result"])

    def _outcome(self, answers: list[Any], kept: int) -> Outcome:
        retries = sum(answer["counts"].get("retries", 0) for answer in answers)
        seconds, slowest = max(answer["seconds"] for answer in answers), min(answer["slowest"] for answer in answers)
        return Outcome(seconds, kept, slowest, retries)


@contextmanager
def teams(entries: Mapping[str, Entry], processes: int) -> Iterator[tuple[dict[str, Team], dict[str, str]]]:
    """Start a team for each contestant; those that cannot take part are told with the reason."""
    with ExitStack() as stack:
        there: dict[str, Team] = {}
        absent: dict[str, str] = {}
        for name, entry in entries.items():
            try:
                there[name] = Team(entry, processes, stack)
            except AbsentError as error:
                absent[name] = str(error)
        yield there, absent
