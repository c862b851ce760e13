"""The servers of a run, real ones from wheels, each started when somebody first asks for it."""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from environments import REPOSITORY

NUMBERS: Final = 8
"""How many keys `other` has."""


class Servers:
    """Valkey, PostgreSQL, and a folder for files."""

    def __init__(self, stack: ExitStack) -> None:
        sys.path.insert(0, str(REPOSITORY))  # the tests know how servers are started
        self._stack = stack
        self._files = 0
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))

    def free_port(self) -> int:
        """Return a port that nobody listens on."""
        return int(import_module("tests.stores.valkey_server").free_port())

    def path(self) -> str:
        """Return where a file may be that nobody has yet."""
        self._files += 1
        return str(self.folder / f"{self._files}.db")

    @cached_property
    def valkey(self) -> Any:
        """A Valkey server without persistence."""
        folder = self.folder / "valkey"
        folder.mkdir()
        return self._stack.enter_context(import_module("tests.stores.valkey_server").running(folder))

    @cached_property
    def postgres(self) -> Any:
        """A PostgreSQL server, reached by a socket of the file system; as in tests, it does not wait for the disk."""
        return self._stack.enter_context(import_module("tests.stores.postgres_server").postgres_server())

    @contextmanager
    def valkey_cpu(self) -> Iterator[Callable[[], float]]:
        """How many seconds Valkey's processor has worked."""
        with self.valkey.client() as client:
            yield lambda: sum(client.info("cpu")[f"used_cpu_{kind}"] for kind in ("user", "sys"))

    @contextmanager
    def postgres_cpu(self) -> Iterator[Callable[[], float]]:
        """How many seconds the processors have worked for all of PostgreSQL's processes that are there (on Linux)."""
        head = (Path(self.postgres.socket).parent / "postmaster.pid").read_text().split()[0]
        yield lambda: sum(ticks for parent, ticks in _processes() if parent == head) / os.sysconf("SC_CLK_TCK")

    @cached_property
    def cluster(self) -> list[Any]:
        """Three Valkey servers that are a cluster."""
        folder = self.folder / "cluster"
        folder.mkdir()
        return list(self._stack.enter_context(import_module("tests.stores.valkey_server").cluster_running(folder)))


def _processes() -> Iterator[tuple[str, int]]:
    """Yield the parent of each process, and for how many ticks processors have worked for it."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            fields = path.read_text().rpartition(")")[2].split()
            yield fields[1], int(fields[11]) + int(fields[12])


def small_objects(size: int) -> dict[str, list[dict[str, Any]]]:
    """Return lists of small objects under eight keys, of about so many bytes of JSON in all."""
    item = {"sku": "A-10042", "qty": 3, "price": 9.5, "note": "as a gift"}
    each = len(json.dumps(item, separators=(",", ":"))) + 1  # and a comma
    return {f"other_{number}": [item] * max(1, size // NUMBERS // each) for number in range(1, NUMBERS + 1)}
