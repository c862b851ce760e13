"""The pytest plugin: fixtures with which a tool is tested without a server. ``mcp_sessions.testing`` has what they are.

pytest imports this module at the start of each of its runs, wherever the distribution is installed, and before anybody
measures coverage. So it stands outside of the package, of which a part cannot be imported without the whole, and
imports nothing but pytest until a test asks for a fixture. PYTEST_DONT_REWRITE
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_sessions import Store
    from mcp_sessions.testing import FakeClock, MakeSession, RecordedSessions, SessionCall

_OPTION = "session_store"
_DEFAULT = "memory://"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the setting that say where the sessions of tests are kept."""
    what = "where session_store keeps sessions: memory://, sqlite:///s.db, or the URL of Valkey, Redis or PostgreSQL"
    parser.getgroup("mcp-sessions").addoption("--session-store", metavar="URL", dest=_OPTION, help=what)
    parser.addini(_OPTION, what, default=_DEFAULT)


def _chosen(config: pytest.Config) -> str:
    return str(config.getoption(_OPTION) or config.getini(_OPTION) or _DEFAULT)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a URL that is none before any test begins."""
    url = _chosen(config)
    if url != _DEFAULT:
        from mcp_sessions.testing.places import require_place

        require_place(url)


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say where sessions are kept, unless that is where they always are."""
    url = _chosen(config)
    if url == _DEFAULT:
        return []
    from mcp_sessions.stores.urls import shown

    return [f"session store: {shown(url)}"]


@pytest.fixture
def session_clock() -> FakeClock:
    """The clock of ``session_store``, which stands still until the test says ``session_clock.advance("31m")``."""
    from mcp_sessions.testing import FakeClock

    return FakeClock()


@pytest.fixture
def session_store(request: pytest.FixtureRequest, session_clock: FakeClock) -> Iterator[Store]:
    """A store for this test alone, in memory unless ``--session-store`` names another place; it is emptied and closed.

    A fixture of your own of this name, sync or async, takes its place. Parametrized indirectly, it takes a URL.
    """
    from mcp_sessions.testing.places import opened

    url = str(getattr(request, "param", "") or _chosen(request.config))
    with opened(url, session_clock, lambda: request.getfixturevalue("tmp_path")) as store:
        yield store


@pytest.fixture
def make_session(session_store: Store) -> MakeSession:
    """What begins sessions in ``session_store``.

    As in ``counter = await make_session(CounterSession, counter=3)``.
    """
    from mcp_sessions.testing import MakeSession

    return MakeSession(session_store)


@pytest.fixture
def session_call(session_store: Store) -> SessionCall:
    """What pretends the call of a client, for tools that use ``current()``.

    As in ``with session_call(): assert await increment() == "Counter: 1"``.
    """
    from mcp_sessions.testing import SessionCall

    return SessionCall(session_store)


@pytest.fixture
def recorded_sessions(session_store: Store, session_clock: FakeClock) -> RecordedSessions:
    """What puts the sessions of an export into ``session_store``.

    As in ``[counter] = await recorded_sessions("tests/sessions.jsonl", CounterSession)``.
    """
    from mcp_sessions.testing import RecordedSessions

    return RecordedSessions(session_store, session_clock)
