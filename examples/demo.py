"""The whole path, once, for real: schema, generated code, type check, server, clients of both eras, restart.

Run it with ``make demo``. It starts only processes of its own, on free loopback ports, and stops them.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import anyio
from mcp import Client
from mcp_types import TextContent

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SCHEMAS = ("counter", "notes", "preferences", "wizard")

MISUSE = """\
from state.wizard import WizardSession


async def misuse(wizard: WizardSession) -> int:
    await wizard.set_framework("react")
    await wizard.get("colour")
    return len(await wizard.get_project_name())
"""


def say(title: str) -> None:
    """Print a heading."""
    print(f"\n=== {title}", flush=True)


def run(*command: str, cwd: Path = ROOT, expect: int = 0) -> str:
    """Run a command of this environment, show it, and return what it printed."""
    print(f"$ {' '.join(Path(part).name if part == command[0] else part for part in command)}", flush=True)
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != expect:
        sys.exit(f"exit code {done.returncode} instead of {expect}:\n{done.stdout}{done.stderr}")
    return done.stdout


def tool(name: str) -> str:
    """Return the path of a command in this environment."""
    return str(Path(sys.executable).parent / name)


def compile_schemas() -> None:
    """Compile ``schemas/`` and show one schema beside the code that it gives."""
    say("1. A schema, and the typed code it compiles to")
    sources = [f"schemas/{name}.yaml" for name in SCHEMAS]
    print((ROOT / "schemas/wizard.yaml").read_text(encoding="utf-8").rstrip())
    print()
    output = ROOT / "build" / "demo"
    shutil.rmtree(output, ignore_errors=True)
    print(run(tool("mcp-sessiongen"), "generate", *sources, "-o", "build/demo/state").rstrip())
    print(run(tool("mcp-sessiongen"), "check", *sources, "-o", "examples/state").rstrip())
    print("\nbuild/demo/state/wizard.py has, among others:")
    text = (output / "state" / "wizard.py").read_text(encoding="utf-8")
    for name in ("get_step", "increment_step", "get_project_name", "set_framework"):
        found = re.search(rf"    async def {name}\(.*\n", text)
        print(found.group().rstrip() if found else f"    {name} is missing")


def type_check() -> None:
    """Type-check generated code and server, then show that misuse is rejected."""
    say("2. mypy --strict accepts the code, and rejects its misuse")
    mypy = (sys.executable, "-m", "mypy", "--strict", "--no-pretty", "--cache-dir", "../.mypy_cache")
    run(*mypy, "server.py", "state", cwd=EXAMPLES)
    print("no errors\n")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "misuse.py"
        file.write_text(MISUSE, encoding="utf-8")
        command = [*mypy, str(file)]
        done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, timeout=300, check=False)
    lines = [line for line in done.stdout.splitlines() if "error:" in line]
    for number, line in enumerate(MISUSE.splitlines(), 1):
        for error in lines:
            if f"misuse.py:{number}:" in error:
                print(f"{line.strip()}\n   ->  {error.partition('error: ')[2]}")
    if len({line.split(":")[1] for line in lines}) != 3:
        sys.exit(f"mypy should have rejected three lines:\n{done.stdout}")


def free_port() -> int:
    """Return a loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """The example server in a process of its own."""

    def __init__(self, database: Path, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/mcp"
        self._options = ["--http", "--port", str(port), "--store", f"sqlite:///{database}"]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        self._process = subprocess.Popen([sys.executable, str(EXAMPLES / "server.py"), *self._options], cwd=EXAMPLES)
        print(f"started a server, process {self._process.pid}, port {self.port}", flush=True)
        deadline = time.monotonic() + 60
        while not self._accepts():
            if self._process.poll() is not None or time.monotonic() > deadline:
                sys.exit("the server did not start")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it, if it runs, and wait until it is gone."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(timeout=30)
            print(f"stopped process {self._process.pid}", flush=True)
            self._process = None

    def _accepts(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True


@contextmanager
def serving(*servers: Server) -> Iterator[None]:
    """Start servers, and stop them however the block ends."""
    try:
        for server in servers:
            server.start()
        yield
    finally:
        for server in servers:
            server.stop()


def short(text: str) -> str:
    """Shorten the handles in a text, to be read by people."""
    return re.sub(r"(_[a-z2-7]{4})[a-z2-7]{28}\b", r"\1...", text)


async def call(client: Client, who: str, name: str, **arguments: object) -> dict[str, object]:
    """Call a tool, show the call and its answer, and return its structured content."""
    result = await client.call_tool(name, arguments)
    text = " ".join(" ".join(block.text.split()) for block in result.content if isinstance(block, TextContent))
    shown = ", ".join(f"{key}={value!r}" for key, value in arguments.items())
    print(short(f"{who}  {name}({shown})\n   ->  {text}"), flush=True)
    return result.structured_content or {}


async def drive(first: Server, second: Server) -> None:
    """Drive the servers with clients of both eras, and restart one in between."""
    async with AsyncExitStack() as clients:
        with serving(first, second):
            a = await clients.enter_async_context(Client(first.url, mode="legacy"))
            b = await clients.enter_async_context(Client(first.url, mode="legacy"))
            say(f"4. Two clients of revision {a.protocol_version}: each has an Mcp-Session-Id, and a state of its own")
            await call(a, "A", "increment")
            await call(a, "A", "increment", by=41)
            await call(b, "B", "increment")
            await call(a, "A", "wizard_next", answer="atlas")
            await call(a, "A", "wizard_next", answer="svelte")
            await call(a, "A", "add_note", text="remember the milk")
            handle = await modern_era(first, second)
        say("6. The servers were stopped; a new process goes on where they were")
        with serving(first):
            await call(a, "A", "increment")
            await call(a, "A", "wizard_next", answer="anything")
            await call(a, "A", "get_notes")
            async with Client(first.url) as c:
                await call(c, "C", "increment", counter=handle)
                await call(c, "C", "end_counter", counter=handle)
                await call(c, "C", "increment", counter=handle)
            await clients.aclose()


async def modern_era(first: Server, second: Server) -> str:
    """Let a client without sessions begin one, and use it through two servers; return its handle."""
    async with Client(first.url) as c, Client(second.url) as elsewhere:
        say(f"5. A client of revision {c.protocol_version}: no sessions, so the model carries a handle")
        await call(c, "C", "increment")
        handle = str((await call(c, "C", "create_counter"))["counter"])
        await call(c, "C", "increment", counter=handle, by=7)
        print("   the same handle, through the other server:")
        await call(elsewhere, "C", "increment", counter=handle)
        return handle


def main() -> None:
    """Show everything, in the order in which a user meets it."""
    compile_schemas()
    type_check()
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "sessions.db"
        say("3. The example server, twice, on one SQLite file")
        anyio.run(drive, Server(database, free_port()), Server(database, free_port()))
    print("\nThat is all of it: see README.md for how to use it in your own server.")


if __name__ == "__main__":
    main()
