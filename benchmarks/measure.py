"""Running alternatives side by side: interleaved in one run, so that a busy moment meets all of them."""

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from contest import Stat, rotated
from report import number, shown


@dataclass(frozen=True)
class Run:
    """One run of a process.

    Attributes:
        seconds: How long it took.
        peak: The MiB that it had at most; if it started others, those of the largest.
        cpu: How long processors worked for it, and for those that it started.
    """

    seconds: float
    peak: float
    cpu: float


def process(command: Sequence[str | Path], folder: Path) -> Run:
    """Run a command in a folder, as a user would: with compiled bytecode kept.

    Raises:
        RuntimeError: If it fails: then what it took means nothing.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    with subprocess.Popen(
        [*map(str, command)], cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        _, status, usage = os.wait4(started.pid, 0)
        started.returncode = os.waitstatus_to_exitcode(status)
    if started.returncode:
        raise RuntimeError(f"{command[0]} ended with {started.returncode}")
    return Run(time.perf_counter() - start, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def interleaved(
    alternatives: Mapping[str, Callable[[], Run]], rounds: int, *, warm: bool = True
) -> dict[str, list[Run]]:
    """Run each alternative once a round, each round beginning with another.

    If there are several rounds, there is one before them that does not count, unless it is not to be.
    """
    found: dict[str, list[Run]] = {name: [] for name in alternatives}
    first = 1 if warm and rounds > 1 else 0
    for turn in range(rounds + first):
        for name in rotated(list(alternatives), turn):
            outcome = alternatives[name]()
            if turn >= first:
                found[name].append(outcome)
    return found


def ratio(found: Mapping[str, Sequence[Run]], name: str, base: str, what: str = "seconds") -> Stat:
    """Return how many times as much one alternative takes as another, round by round."""
    pairs = zip(found[name], found[base], strict=True)
    return Stat.of([getattr(one, what) / max(getattr(other, what), 1e-9) for one, other in pairs])


def table(found: Mapping[str, Sequence[Run]]) -> list[str]:
    """Return a table of what alternatives took, their peaks, and ratios to the first."""
    lines = [
        "| | seconds | ratio | peak | processor, seconds | ratio |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    base = next(iter(found))
    for name, runs in found.items():
        cells = [
            shown(Stat.of([run.seconds for run in runs])),
            shown(ratio(found, name, base)),
            f"{max(run.peak for run in runs):.0f} MiB",
            number(Stat.of([run.cpu for run in runs]).median),
            shown(ratio(found, name, base, "cpu")),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def machine() -> str:
    """Return the machine in words."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}"
