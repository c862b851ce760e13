"""Real stores with a clock of their own, and accessors compiled by the real compiler."""

import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from mcp_sessions.stores import Access, MemoryStore, SQLiteStore, Store
from mcp_sessions.testing import FakeClock

HERE = Path(__file__).parent

OPERATIONS = ("create", "touch", "read", "names", "write", "remove", "clear", "increment", "append", "end")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, clock: FakeClock, tmp_path: Path, anyio_backend: str) -> Any:
    made: Store = MemoryStore(clock=clock) if request.param == "memory" else SQLiteStore(tmp_path / "s.db", clock=clock)
    yield made
    await made.aclose()


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module that ``kinds.yaml`` compiles to."""
    out = tmp_path_factory.mktemp("compiled") / "kinds_state"
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", str(HERE / "kinds.yaml"), "-o", str(out)]
    subprocess.run(command, check=True, timeout=120)
    sys.path.insert(0, str(out.parent))
    try:
        return importlib.import_module("kinds_state.kinds")
    finally:
        sys.path.remove(str(out.parent))


@pytest.fixture
def asked(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the store was asked to do: the operation and its arguments, without the access."""
    calls: list[tuple[Any, ...]] = []

    def noting(name: str) -> Callable[..., Awaitable[Any]]:
        real = getattr(store, name)

        async def operation(access: Access, *args: Any, **kwargs: Any) -> Any:
            calls.append((name, *args, *kwargs.values()))
            return await real(access, *args, **kwargs)

        return operation

    for name in OPERATIONS:
        monkeypatch.setattr(store, name, noting(name))
    return calls
