"""Running alternatives side by side: interleaved in one run, so that a busy moment meets all of them."""

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


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
    """Run each alternative once a round, after a round that does not count if there are several and it is to be."""
    found: dict[str, list[Run]] = {name: [] for name in alternatives}
    first = 1 if warm and rounds > 1 else 0
    for number in range(rounds + first):
        for name, run in alternatives.items():
            outcome = run()
            if number >= first:
                found[name].append(outcome)
    return found


def ratio(found: Mapping[str, Sequence[Run]], name: str, base: str, what: str = "seconds") -> float:
    """Return how many times as much the median of one alternative is as that of another."""
    one, other = (statistics.median(getattr(run, what) for run in found[key]) for key in (name, base))
    return float(one / max(other, 1e-9))


def table(found: Mapping[str, Sequence[Run]]) -> list[str]:
    """Return a table of medians, quartiles, peaks, and ratios to the first."""
    lines = [
        "| | median | quartiles | peak | ratio | processor time | ratio |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    first = next(iter(found.values()))
    base, base_cpu = (max(value, 1e-9) for value in (_median(first), _cpu(first)))
    for name, runs in found.items():
        seconds = sorted(run.seconds for run in runs)
        low, high = (seconds[0], seconds[-1]) if len(seconds) < 3 else statistics.quantiles(seconds, n=4)[::2]
        peak = max(run.peak for run in runs)
        median, cpu = _median(runs), _cpu(runs)
        shown = f"{median:.3f} s | {low:.3f} to {high:.3f} s | {peak:.0f} MiB | {median / base:.2f}"
        shown += f" | {cpu:.3f} s | {cpu / base_cpu:.2f}"
        lines.append(f"| {name} | {shown} |")
    return lines


def machine() -> str:
    """Return the machine in words."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {sys.platform}"


def _median(runs: Sequence[Run]) -> float:
    return statistics.median(run.seconds for run in runs)


def _cpu(runs: Sequence[Run]) -> float:
    return statistics.median(run.cpu for run in runs)
