"""Servers that run in processes of their own, on loopback."""

import socket
import subprocess
import sys
import time
from pathlib import Path


class Process:
    """One Python program that listens on a port; ``{port}`` among its arguments becomes that port."""

    def __init__(self, folder: Path, *arguments: str | Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / f"{self.port}.log"
        command = [sys.executable, *(str(argument).format(port=self.port) for argument in arguments)]
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
