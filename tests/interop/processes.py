"""Servers that run in processes of their own, on loopback, and a proxy in front of them."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROXY = Path(__file__).with_name("proxy.py")


class Process:
    """One Python program that listens on a port; ``{port}`` among its arguments becomes that port."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / f"{self.port}.log"
        command = [sys.executable, *(str(argument).replace("{port}", str(self.port)) for argument in arguments)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait()

    def _wait(self) -> None:
        """Wait until it listens."""
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"it did not start:\n{self._log.read_text()}") from None
                time.sleep(0.05)

    def stop(self) -> str:
        """End the process, wait until it is gone, and return what it wrote."""
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(timeout=30)
        return self._log.read_text()


@dataclass(frozen=True)
class Request:
    """What passed the proxy: to which server, the JSON-RPC or else the HTTP method, and the status of the answer."""

    server: int
    what: str
    status: int


@dataclass(frozen=True)
class Cluster:
    """Servers behind one URL, each request to another one."""

    proxy: str
    logs: list[str]

    @property
    def url(self) -> str:
        return f"{self.proxy}/mcp"

    def seen(self) -> list[Request]:
        """Return what was asked so far."""
        with urllib.request.urlopen(f"{self.proxy}/seen", timeout=30) as answer:
            return [Request(*request) for request in json.load(answer)]


def count(requests: list[Request]) -> Counter[str]:
    """Return how often each thing was asked."""
    return Counter(request.what for request in requests)


@contextlib.contextmanager
def cluster(folder: Path, processes: int, *arguments: str | Path) -> Iterator[Cluster]:
    """Run a program several times, behind a proxy; its working folder is ``folder``.

    At the end all of them are stopped, and what they wrote is in the cluster's ``logs``.
    """
    started: list[Process] = []
    logs: list[str] = []
    try:
        for _ in range(processes):
            started.append(Process(folder, *arguments))
        proxy = Process(folder, PROXY, "{port}", *(str(server.port) for server in started))
        started.append(proxy)
        yield Cluster(proxy.url, logs)
    finally:
        logs.extend(process.stop() for process in reversed(started))


def finish(command: Sequence[str | Path], seconds: float, said: str = "", **options: Any) -> tuple[int, str, str]:
    """Run a command to its end, and return its exit code, output and errors; ``said`` is its input.

    What takes longer is killed, with all that it started.
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, text=True, start_new_session=True, **pipes, **options) as process:
        try:
            output, errors = process.communicate(said, timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            return 1, "", f"it took longer than {seconds:.0f} s"
        return process.returncode, output, errors


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
