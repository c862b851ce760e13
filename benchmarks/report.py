"""What a run has found, as tables: goals, and comparisons."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from children import AbsentError
from contest import Found, Stat

Unit = tuple[str, float]
US: Final[Unit] = ("us", 1e6)


@dataclass(frozen=True)
class Goal:
    """One goal.

    Attributes:
        measured: What is measured.
        goal: What it is to be.
        found: What it was.
        reached: Whether that reaches it; None where it was not measured.
        is_close: Whether the goal lies between the quartiles of what was found.
    """

    measured: str
    goal: str
    found: str
    reached: bool | None
    is_close: bool = False

    @property
    def told(self) -> str:
        """Whether it was reached, in words."""
        reached = {True: "yes", False: "**no**", None: "-"}[self.reached]
        return f"{reached}, within noise" if self.is_close else reached


@dataclass
class Section:
    """Part of a report."""

    title: str
    lines: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def no_slower(self, measured: str, found: Found, name: str, base: str, most: float) -> None:
        """Add the goal that something takes at most so many times as long as something else."""
        self._ratio(measured, found, (name, base), "at most", most)

    def faster(self, measured: str, found: Found, name: str, base: str, least: float) -> None:
        """Add the goal that something is at least so many times faster than something else."""
        self._ratio(measured, found, (base, name), "at least", least)

    def at_most(self, measured: str, stat: Callable[[], Stat], most: float) -> None:
        """Add the goal that a ratio is not above a number."""
        goal = f"at most {most:g} x"
        try:
            found = stat()
        except AbsentError as error:
            self.absent(measured, goal, error)
        else:
            self.is_so(measured, goal, f"{shown(found)} x", reached=found.median <= most, is_close=found.has(most))

    def below(self, measured: str, found: Found, name: str, most: float, unit: Unit = US) -> None:
        """Add the goal that the processor's time of an operation is below a number; the time on the clock is told."""
        called, factor = unit
        goal = f"below {most:g} {called}"
        try:
            cpu, seconds = found.of(name, "cpu").scaled(factor), found.of(name).scaled(factor)
        except AbsentError as error:
            self.absent(measured, goal, error)
        else:
            told = f"{shown(cpu)} {called}; on the clock {number(seconds.median)} {called}"
            self.is_so(measured, goal, told, reached=cpu.median < most, is_close=cpu.has(most))

    def absent(self, measured: str, goal: str, why: object) -> None:
        """Add a goal of which nothing is known."""
        self.goals.append(Goal(measured, goal, f"not measured: {why}", None))

    def is_so(self, measured: str, goal: str, found: str, *, reached: bool, is_close: bool = False) -> None:
        """Add a goal that is no number, or of which more is told than a number."""
        self.goals.append(Goal(measured, goal, found, reached, is_close))

    def _ratio(self, measured: str, found: Found, names: tuple[str, str], bound: str, limit: float) -> None:
        goal = f"{bound} {limit:g} x"
        try:
            stat, cpu = found.ratio(*names), found.ratio(*names, "cpu")
        except AbsentError as error:
            self.absent(measured, goal, error)
        else:
            told = f"{shown(stat)} x; of the processor {number(cpu.median)} x"
            reached = stat.median <= limit if bound == "at most" else stat.median >= limit
            self.is_so(measured, goal, told, reached=reached, is_close=stat.has(limit))


def shown(stat: Stat) -> str:
    """Return a median with its quartiles."""
    return f"{number(stat.median)} ({number(stat.low)} to {number(stat.high)})"


def number(value: float) -> str:
    """Return a number with three digits that count."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def comparison(found: Found, base: str, names: Iterable[str], unit: Unit = US) -> list[str]:
    """Return a table of what an operation takes, with ratios to one of the contestants."""
    called, factor = unit
    lines = [
        f"| | {called} per operation | ratio | processor, {called} | ratio | server's processor, {called} |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name in names:
        if name in found.absent:
            lines.append(f"| {name} | not measured: {found.absent[name]} | | | | |")
            continue
        server = found.of(name, "server_cpu").median
        cells = [
            shown(found.of(name).scaled(factor)),
            "" if base in found.absent else shown(found.ratio(name, base)),
            number(found.of(name, "cpu").median * factor),
            "" if base in found.absent else shown(found.ratio(name, base, "cpu")),
            number(server * factor) if server else "",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def goals_table(sections: Sequence[Section]) -> list[str]:
    """Return the table of goals."""
    lines = ["| measured | goal | found: median (quartiles) | reached |", "| --- | --- | --- | --- |"]
    for goal in (goal for section in sections for goal in section.goals):
        lines.append(f"| {goal.measured} | {goal.goal} | {goal.found} | {goal.told} |")
    return lines
