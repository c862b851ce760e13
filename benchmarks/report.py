"""What a run has found, as tables: goals, and comparisons."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from contest import AbsentError, Found, Stat

Unit = tuple[str, float]
US: Final[Unit] = ("us", 1e6)


@dataclass(frozen=True)
class Goal:
    """One goal: what is measured, what it is to be, what it was, and whether that reaches it (None: not measured)."""

    measured: str
    goal: str
    found: str
    reached: bool | None


@dataclass
class Section:
    """Part of a report."""

    title: str
    lines: list[str] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)

    def at_most(self, measured: str, most: float, find: Callable[[], Stat], unit: str = "x") -> None:
        """Add a goal that a number is not to exceed."""
        self._goal(measured, f"at most {most:g} {unit}", find, lambda stat: stat.median <= most, unit)

    def at_least(self, measured: str, least: float, find: Callable[[], Stat], unit: str = "x") -> None:
        """Add a goal that a number is to reach."""
        self._goal(measured, f"at least {least:g} {unit}", find, lambda stat: stat.median >= least, unit)

    def is_so(self, measured: str, goal: str, found: str, *, reached: bool) -> None:
        """Add a goal that is no number."""
        self.goals.append(Goal(measured, goal, found, reached))

    def _goal(
        self, measured: str, goal: str, find: Callable[[], Stat], reached: Callable[[Stat], bool], unit: str
    ) -> None:
        try:
            stat = find()
        except AbsentError as error:
            self.goals.append(Goal(measured, goal, f"not measured: {error}", None))
        else:
            self.goals.append(Goal(measured, goal, f"{shown(stat)} {unit}", reached(stat)))


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
        try:
            cells = [
                shown(found.of(name).scaled(factor)),
                shown(found.ratio(name, base)),
                number(found.of(name, "cpu").median * factor),
                shown(found.ratio(name, base, "cpu")),
                number(found.of(name, "server_cpu").median * factor),
            ]
        except AbsentError as error:
            cells = [f"not measured: {error}", "", "", "", ""]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return lines


def goals_table(sections: Sequence[Section]) -> list[str]:
    """Return the table of goals."""
    lines = ["| measured | goal | found: median (quartiles) | reached |", "| --- | --- | --- | --- |"]
    for goal in (goal for section in sections for goal in section.goals):
        reached = {True: "yes", False: "**no**", None: "-"}[goal.reached]
        lines.append(f"| {goal.measured} | {goal.goal} | {goal.found} | {reached} |")
    return lines
