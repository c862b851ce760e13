"""A studio on a store whose time stands still, and a browser that does what browsers do with cookies and forms."""

import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest
from starlette.testclient import TestClient
from tests.studio.forms import Form, forms_of

from mcp_sessiongen.studio.access import Visitors, new_token
from mcp_sessiongen.studio.app import make_app
from mcp_sessiongen.studio.state import Studio
from mcp_sessions.admin import Catalog, find
from mcp_sessions.stores import MemoryStore
from mcp_sessions.testing import FakeClock

R = TypeVar("R")

HOST = "127.0.0.1:8765"
OF_A_FORM = {"sec-fetch-site": "same-origin", "origin": "null"}
"""What a browser says of a form whose page has the policy ``no-referrer``."""


@dataclass
class Running:
    """A studio that runs, and its only browser."""

    studio: Studio
    client: TestClient
    token: str

    def do(self, function: Callable[..., Awaitable[R]], *arguments: Any) -> R:
        """Run a coroutine function where the studio runs."""
        assert self.client.portal is not None
        done: R = self.client.portal.call(function, *arguments)
        return done

    def enter(self) -> "Running":
        """Open the address that was printed."""
        answer = self.client.get("/", params={"token": self.token})
        assert answer.status_code == 303, answer.text
        return self

    def get(self, path: str, **headers: str) -> httpx2.Response:
        """Open a page."""
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def page(self, path: str) -> str:
        """Return the text of a page that is there."""
        answer = self.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return answer.text

    def form(self, path: str, action: str) -> Form:
        """Return the form of a page that leads somewhere."""
        [form] = [form for form in forms_of(self.page(path)) if form.action.endswith(action)]
        return form

    def send(self, form: Form, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
        """Send a form, filled in."""
        filled = form.fields | fields
        return self.client.post(form.action, data=filled, headers=OF_A_FORM if headers is None else headers)

    def path_of(self, session_id: str) -> str:
        """Return the address of a session's page."""
        [one, *_] = self.do(find, self.studio.store, session_id)
        return f"/session/{one.reference}"


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The module that ``shop.yaml`` compiles to."""
    out = tmp_path_factory.mktemp("compiled") / "studio_state"
    schema = Path(__file__).parent / "shop.yaml"
    subprocess.run(
        [sys.executable, "-m", "mcp_sessiongen", "generate", str(schema), "-o", str(out)], check=True, timeout=120
    )
    sys.path.insert(0, str(out.parent))
    try:
        return importlib.import_module("studio_state.shop")
    finally:
        sys.path.remove(str(out.parent))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store(clock: FakeClock) -> MemoryStore:
    return MemoryStore(clock=clock)


@pytest.fixture
def start(store: MemoryStore, shop: Any) -> Iterator[Callable[..., Running]]:
    """Start a studio on the store; options are those of ``Studio``."""
    clients: list[TestClient] = []

    def begin(**options: Any) -> Running:
        token = new_token()
        made = Studio(
            **{"store": store, "catalog": Catalog([shop.CartSession]), "shown_store": "memory", "port": 8765}
            | {"visitors": Visitors(token)}
            | options
        )
        client = TestClient(make_app(made), base_url=f"http://{HOST}", follow_redirects=False)
        clients.append(client)
        client.__enter__()
        return Running(made, client, token)

    yield begin
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def studio(start: Callable[..., Running]) -> Running:
    """A studio that was entered and only reads."""
    return start().enter()


@pytest.fixture
def writing(start: Callable[..., Running]) -> Running:
    """A studio that was entered and may write."""
    return start(can_write=True).enter()
