"""The releases of docs/rolling-deploys.md, rolled out one after the other: no call fails, and no visit is lost."""

import asyncio
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from mcp import Client
from tests.e2e.conftest import Process
from tests.stores.valkey_server import running

pytestmark = pytest.mark.anyio

RELEASES = (1, 2, 3, 4)
CALLS = 30
"""How many calls there are at least before the next server is replaced."""

SERVER = """
import sys

from mcp.server.mcpserver import MCPServer
from mcp_sessions.server import Sessions
from state.page import PageSession, PageState

sessions = Sessions(sys.argv[1], schemas=[PageSession])
mcp = MCPServer("pages", extensions=[sessions])


{tool}

sessions.run(mcp, "streamable-http", port=int(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def page(repository: Path) -> str:
    return (repository / "docs/rolling-deploys.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def releases(page: str, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """A project that goes through the releases as the page says; a folder with all files of each."""
    folder = tmp_path_factory.mktemp("pages")
    project = folder / "project"
    (project / "app").mkdir(parents=True)
    (project / "app" / "__init__.py").touch()
    (project / "pyproject.toml").write_text('[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "state"\n')
    run(project, "git", "init", "-q")
    made = {}
    for release in RELEASES:
        for name, text in blocks(page, release).items():
            path = project / ("server.py" if name == "the tool" else name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(SERVER.format(tool=text) if name == "the tool" else text)
        if release > 1:
            run(project, "mcp_sessiongen", "migration", "new", "page", "--against", "git:HEAD")
        run(project, "mcp_sessiongen", "generate")
        run(project, "git", "add", "-A")
        run(project, "git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", str(release))
        made[release] = folder / f"release{release}"
        run(project, "git", "clone", "-q", str(project), str(made[release]))
    return made


def blocks(page: str, release: int) -> dict[str, str]:
    """Return the files of a release, by name."""
    found = re.findall(
        rf"^```(?:yaml|python)\n# release {release}: ([^\n]*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    return dict(found)


def run(folder: Path, *command: str) -> str:
    line = command if command[0] == "git" else (sys.executable, "-m", *command)
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Server(Process):
    """One server of a release."""

    def __init__(self, release: Path, store: str, log: Path) -> None:
        self.release, self.store, self.busy = release, store, 0
        super().__init__(log)

    def command(self, database: Path) -> list[str]:
        return [sys.executable, str(self.release / "server.py"), self.store, str(self.port)]


class Fleet:
    """The servers that run, and the clients that call them: each call goes to any of them."""

    def __init__(self, store: str, folder: Path) -> None:
        self.store, self.folder = store, folder
        self.servers: list[Server] = []
        self.started: list[Server] = []
        self.visits: Counter[str] = Counter()
        self.calls = 0

    def start(self, release: Path) -> None:
        self.started.append(Server(release, self.store, self.folder / "unused"))
        self.servers.append(self.started[-1])

    async def retire(self, server: Server) -> None:
        """Send a server no more calls, wait for those that it has, and stop it."""
        self.servers.remove(server)
        while server.busy:
            await anyio.sleep(0.01)
        await asyncio.to_thread(server.stop)

    async def call(self, tool: str, server: Server | None = None, **arguments: str) -> dict[str, object]:
        server = server or random.choice(self.servers)
        server.busy += 1
        try:
            async with Client(server.url) as client:
                result = await client.call_tool(tool, arguments)
        finally:
            server.busy -= 1
        assert not result.is_error, result.content
        self.calls += 1
        assert result.structured_content is not None
        return result.structured_content

    async def begin(self, server: Server | None = None) -> str:
        handle = str((await self.call("create_page", server))["page"])
        await self.visit(handle)
        return handle

    async def visit(self, handle: str) -> None:
        await self.call("visit", page=handle)
        self.visits[handle] += 1

    async def some_calls(self) -> None:
        goal = self.calls + CALLS
        with anyio.fail_after(60):
            while self.calls < goal:
                await anyio.sleep(0.02)


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    with running(tmp_path) as valkey:
        made = Fleet(valkey.url, tmp_path)
        yield made
        for server in made.started:
            server.stop()
        for server in made.started:
            log = server.log.read_text()
            assert "Traceback" not in log, log


async def test_releases_that_are_compatible_are_rolled_out_without_an_error_and_without_a_loss(
    releases: dict[int, Path], fleet: Fleet
) -> None:
    assert sorted(releases) == list(RELEASES)
    fleet.start(releases[1])
    fleet.start(releases[1])
    idle = [await fleet.begin() for _ in range(4)]
    busy = [await fleet.begin() for _ in range(3)]
    for release in RELEASES[1:]:
        old = list(fleet.servers)
        async with traffic(fleet, busy):
            for server in old:
                await asyncio.to_thread(fleet.start, releases[release])
                await fleet.some_calls()
                idle += [
                    await fleet.begin(one) for one in list(fleet.servers)
                ]  # it begins on this one, and is not used
                await fleet.retire(server)
                await fleet.some_calls()
        await fleet.visit(idle[release])  # one that was not used for a release or more
    async with traffic(fleet, busy):  # and back
        await asyncio.to_thread(fleet.start, releases[3])
        await fleet.some_calls()
    for handle in [*idle, *busy]:
        await fleet.visit(handle)
        assert (await fleet.call("visit", page=handle))["result"] == fleet.visits[handle] + 1


@asynccontextmanager
async def traffic(fleet: Fleet, handles: list[str]) -> AsyncIterator[None]:
    """Have pages visited while the block lasts; the visits that are under way at its end are waited for."""
    is_over = False

    async def go_on() -> None:
        while not is_over:
            await fleet.visit(random.choice(handles))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(go_on)
        try:
            yield
        finally:
            is_over = True
