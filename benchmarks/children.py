"""The parent's side of a contest: contestants' processes, which answer in time or are killed."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from child import Setting

HERE: Final = Path(__file__).resolve().parent
PATIENCE: Final = 60.0
"""For how many seconds a child may be silent; then it is killed."""


class AbsentError(Exception):
    """A contestant cannot take part; the message says why."""


@dataclass(frozen=True)
class Entry:
    """A contestant as it enters.

    Attributes:
        module: Its module in ``contestants``.
        setting: What it is to prepare.
        python: The interpreter of its environment; None where there is none.
        lacking: Why there is none.
    """

    module: str
    setting: Setting
    python: Path | None = Path(sys.executable)
    lacking: str = ""


class Child:
    """One contestant's process; it prepares itself while others are started, see ``ready``."""

    def __init__(self, entry: Entry) -> None:
        if entry.python is None:
            raise AbsentError(entry.lacking)
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self._process = subprocess.Popen(
            [entry.python, HERE / "child.py", entry.module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if "BENCH_DEBUG" in os.environ else subprocess.DEVNULL,
            env=environment,
        )
        self._buffer = b""
        self.handles: list[str] = []
        self.tell(asdict(entry.setting))

    def ready(self) -> None:
        """Wait until it has prepared itself.

        Raises:
            AbsentError: If it cannot.
        """
        self.handles = self.answer()["handles"]

    def ask(self, what: Mapping[str, Any]) -> Any:
        """Tell it something, and return its answer.

        Raises:
            AbsentError: If it has none, or says that something went wrong.
        """
        self.tell(what)
        return self.answer()

    def tell(self, what: Mapping[str, Any]) -> None:
        """Tell it something that it will answer; that it has ended, the answer will show."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return

    def answer(self) -> Any:
        """Return what it answers."""
        assert self._process.stdout is not None
        until = time.monotonic() + PATIENCE
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, until - time.monotonic())):
                    self._process.kill()
                    raise AbsentError(f"it was silent for {PATIENCE:.0f} seconds")
                read = os.read(self._process.stdout.fileno(), 1 << 16)
                if not read:
                    raise AbsentError("it has ended")
                self._buffer += read
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer = json.loads(line)
        if "error" in answer:
            raise AbsentError(answer["error"])
        return answer

    def close(self) -> None:
        """Have it end by itself, or kill it."""
        try:
            self._process.communicate(timeout=10.0)
        except (subprocess.TimeoutExpired, OSError):
            self._process.kill()
            self._process.communicate()


@contextmanager
def started(entries: Mapping[str, Entry]) -> Iterator[tuple[dict[str, Child], dict[str, str]]]:
    """Start contestants; those that cannot take part are told with the reason."""
    with ExitStack() as stack:
        children: dict[str, Child] = {}
        absent: dict[str, str] = {}
        for name, entry in entries.items():
            try:
                children[name] = Child(entry)
                stack.callback(children[name].close)
            except AbsentError as error:
                absent[name] = str(error)
        for name, child in list(children.items()):
            try:
                child.ready()
            except AbsentError as error:
                absent[name] = str(error)
                del children[name]
        yield children, absent
