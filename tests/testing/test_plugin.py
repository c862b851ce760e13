"""The pytest plugin as users have it: in runs of pytest of their own, each a process, with warnings as errors."""

import json
import sys
from pathlib import Path

import pytest
from tests.stores.postgres_server import PostgresServer
from tests.stores.valkey_server import ValkeyServer, free_port

pytest_plugins = ["pytester"]

TOOLS = """
from mcp_sessions import UntypedSession
from state.counter import CounterSession
from state.preferences import PreferencesSession


async def increment(counter: CounterSession, by: int = 1) -> str:
    return f"Counter: {await counter.increment_counter(by)}"


async def tick() -> int:
    return await CounterSession.current().increment_counter()
"""

ASYNC = """
import pytest
from mcp_sessions import SessionExpiredError, SessionNotFoundError
from tools import CounterSession, increment, tick


async def test_increment(make_session):
    counter = await make_session(CounterSession, counter=3)
    assert await increment(counter, by=2) == "Counter: 5"


async def test_the_store_is_empty_again(session_store, make_session):
    assert await session_store.count() == 0
    await make_session(CounterSession)
    assert await session_store.count() == 1


async def test_time_passes(make_session, session_clock):
    counter = await make_session(CounterSession)
    session_clock.advance("29m")
    await counter.set_counter(1)
    session_clock.advance("31m")
    with pytest.raises(SessionExpiredError):
        await counter.get_counter()


async def test_a_stranger_is_not_let_in(make_session, session_call):
    counter = await make_session.using(owner="ann")(CounterSession, counter=3)
    with session_call(counter):
        assert await tick() == 4
    with session_call(counter, owner="bob"), pytest.raises(SessionNotFoundError):
        await tick()


async def test_a_client_has_a_session(session_call):
    for expected in (1, 2):
        with session_call():
            assert await tick() == expected
"""

SYNC = """
import asyncio

from tools import CounterSession, increment, tick


def test_increment(make_session):
    counter = asyncio.run(make_session(CounterSession, counter=3))
    assert asyncio.run(increment(counter, by=2)) == "Counter: 5"


def test_a_client_has_a_session(session_call):
    with session_call():
        assert [asyncio.run(tick()), asyncio.run(tick())] == [1, 2]
"""

SCOPE = ("-o", "asyncio_default_fixture_loop_scope=function")  # which pytest-asyncio warns of if it is not said
MODES = {
    "anyio alone": ("-p", "no:asyncio", "-o", "anyio_mode=auto"),
    "asyncio alone": ("-p", "no:anyio", *SCOPE, "-o", "asyncio_mode=auto"),
    "anyio beside asyncio": (*SCOPE, "-o", "anyio_mode=auto"),
    "asyncio beside anyio": (*SCOPE, "-o", "asyncio_mode=auto"),
}
RUNS = [
    *(("memory", mode) for mode in MODES),
    *((kind, mode) for kind in ("valkey", "postgres") for mode in ("anyio alone", "asyncio beside anyio")),
    ("sqlite", "asyncio alone"),
    ("cluster", "anyio beside asyncio"),
]
"""On which stores and in which modes async tests are tried: each with each would take minutes."""


@pytest.fixture(autouse=True)
def tools(state: Path, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(tools=TOOLS)
    pytester.makeini("[pytest]\nfilterwarnings = error\npythonpath = .\n")


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    without = ["cacheprovider"] + ["xdist"] * ("-n" not in arguments) + ["asyncio"] * (SCOPE[1] not in arguments)
    return pytester.runpytest_subprocess(*(f"-pno:{plugin}" for plugin in without), *arguments, timeout=120)


def url_of(kind: str, request: pytest.FixtureRequest) -> str:
    if kind == "valkey":
        server: ValkeyServer = request.getfixturevalue("valkey")
        return server.url.replace("redis://", "valkey://") + "?prefix=ci[1]*"
    if kind == "cluster":
        return str(request.getfixturevalue("cluster")[0].url) + "?cluster=yes"
    if kind == "postgres":
        return str(request.getfixturevalue("postgres").url) + "&schema=ci&connections=2"
    return {"memory": "memory://", "sqlite": "sqlite:///some where/s%25.db?synchronous=full"}[kind]


def assert_nothing_is_left(kind: str, request: pytest.FixtureRequest) -> None:
    if kind == "valkey":
        with request.getfixturevalue("valkey").client() as client:
            assert client.keys("*") == []
    if kind == "cluster":
        for node in request.getfixturevalue("cluster"):
            with node.client() as client:
                assert client.keys("*") == []
    if kind == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres")
        names = [name for (name,) in server.run("SELECT nspname FROM pg_namespace")]
        assert [name for name in names if name.startswith("ci")] == []


@pytest.mark.parametrize(("kind", "mode"), RUNS)
def test_async_tests_run_on_every_store_with_either_plugin_and_leave_nothing(
    kind: str, mode: str, pytester: pytest.Pytester, request: pytest.FixtureRequest
) -> None:
    pytester.makepyfile(test_async=ASYNC)
    done = run(pytester, *MODES[mode], "--session-store", url_of(kind, request))
    done.assert_outcomes(passed=5)
    assert_nothing_is_left(kind, request)
    assert not list(pytester.path.glob("*.db*"))


@pytest.mark.parametrize("kind", ["memory", "valkey", "postgres"])
def test_sync_tests_need_no_other_plugin(kind: str, pytester: pytest.Pytester, request: pytest.FixtureRequest) -> None:
    pytester.makepyfile(test_sync=SYNC)
    done = run(pytester, "-p", "no:anyio", "-p", "no:asyncio", "--session-store", url_of(kind, request))
    done.assert_outcomes(passed=2)
    assert_nothing_is_left(kind, request)


@pytest.mark.parametrize("kind", ["valkey", "postgres"])
def test_workers_of_xdist_share_a_server_and_nothing_else(
    kind: str, pytester: pytest.Pytester, request: pytest.FixtureRequest
) -> None:
    pytester.makepyfile(test_one=ASYNC, test_two=ASYNC, test_three=ASYNC)
    done = run(pytester, "-n", "2", "-o", "anyio_mode=auto", "--session-store", url_of(kind, request))
    done.assert_outcomes(passed=15)
    assert_nothing_is_left(kind, request)


def test_the_store_may_be_named_in_the_settings_and_the_command_line_wins(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nsession_store = sqlite:///s.db\npythonpath = .\n")
    pytester.makepyfile(test_it="def test_it(session_store):\n    print(type(session_store).__name__)\n")
    done = run(pytester, "-s")
    done.stdout.fnmatch_lines(["session store: 'sqlite:///s.db'", "*SQLiteStore*"])
    done = run(pytester, "-s", "--session-store", "memory://")
    done.stdout.fnmatch_lines(["*MemoryStore*"])
    done.stdout.no_fnmatch_line("session store:*")


def test_a_test_may_be_parametrized_over_stores(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        test_it="""
        import asyncio, pytest
        from tools import CounterSession

        @pytest.mark.parametrize("session_store", ["memory://", "sqlite:///s.db"], indirect=True)
        def test_it(make_session):
            assert asyncio.run(asyncio.run(make_session(CounterSession, counter=2)).get_counter()) == 2
        """
    )
    run(pytester).assert_outcomes(passed=2)


@pytest.mark.parametrize("mode", ["anyio alone", "asyncio alone"])
def test_a_store_of_the_users_own_takes_the_place_of_ours(mode: str, pytester: pytest.Pytester) -> None:
    fixture = "pytest_asyncio" if mode == "asyncio alone" else "pytest"
    pytester.makeconftest(
        f"""
        import {fixture}
        from mcp_sessions.stores import MemoryStore
        from mcp_sessions.stores.encrypted import EncryptedStore, new_key

        @{fixture}.fixture
        async def session_store(session_clock):
            store = EncryptedStore(MemoryStore(clock=session_clock), [new_key()])
            yield store
            await store.aclose()
        """
    )
    pytester.makepyfile(test_async=ASYNC)
    run(pytester, *MODES[mode]).assert_outcomes(passed=5)


@pytest.mark.parametrize("url", ["mysql://me:swordfish@db/x", "sessions.db", "swordfish@db"])
def test_a_url_that_is_none_is_refused_before_any_test(url: str, pytester: pytest.Pytester) -> None:
    done = run(pytester, "--session-store", url)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["ERROR: --session-store: no place for tests can be made at *write memory://*"])
    assert "swordfish" not in done.stderr.str() + done.stdout.str()


def test_an_option_that_the_store_does_not_know_fails_the_test_without_a_traceback(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it(session_store): pass\n")
    done = run(pytester, "--session-store", "sqlite:///s.db?sync=full")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["session_store: a SQLite URL takes synchronous=normal or full and *, got sync"])
    assert "Traceback" not in done.stdout.str()


@pytest.mark.parametrize("scheme", ["redis", "postgresql"])
def test_a_server_that_is_not_there_is_told_of(scheme: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_async=ASYNC)
    url = f"{scheme}://me:swordfish@127.0.0.1:{free_port()}/0"
    done = run(pytester, *MODES["anyio alone"], "--session-store", url, "-k", "test_increment")
    done.assert_outcomes(failed=1, errors=1)
    done.stdout.fnmatch_lines(["session_store: what the test left at *could not be removed*is the server there?"])
    assert "is the server there?" in done.stdout.str()
    done.stdout.fnmatch_lines(["*mcp_sessions.errors.StoreError*"])


def test_without_the_plugin_there_is_nothing_of_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_sync=SYNC)
    done = run(pytester, "-p", "no:mcp_sessions")
    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(["*fixture 'make_session' not found*"])
    assert run(pytester, "-p", "no:mcp_sessions", "--session-store", "memory://").ret == pytest.ExitCode.USAGE_ERROR


def test_who_does_not_use_the_plugin_does_not_pay_for_it(pytester: pytest.Pytester) -> None:
    """No module of the package is imported, only the plugin itself; nor is what that would have needed."""
    pytester.makeconftest(
        """
        import json, sys

        def pytest_sessionfinish():
            with open("loaded.json", "w") as file:
                json.dump(sorted(sys.modules), file)
        """
    )
    pytester.makepyfile(test_it="def test_it(): pass\n")
    run(pytester, "-p", "no:anyio", "-p", "no:asyncio").assert_outcomes(passed=1)
    loaded = set(json.loads((pytester.path / "loaded.json").read_text()))
    assert "_mcp_sessions_pytestplugin" in loaded
    assert loaded.isdisjoint({"mcp_sessions", "pydantic", "mcp"})


def test_fixtures_describe_themselves(pytester: pytest.Pytester) -> None:
    done = run(pytester, "--fixtures", "-v")
    names = ["session_clock*", "session_store*", "make_session*", "session_call*", "recorded_sessions*"]
    done.stdout.fnmatch_lines(names)
    done.stdout.fnmatch_lines(["*await make_session(CounterSession, counter=3)*"])
    assert run(pytester, "--help").stdout.str().count("--session-store=URL") == 1


@pytest.mark.parametrize(
    ("module", "missing"), [("mcp_sessions.testing", "pytest"), ("mcp_sessions.testing.strategies", "hypothesis")]
)
def test_what_is_missing_is_said_with_the_line_that_installs_it(
    module: str, missing: str, pytester: pytest.Pytester
) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None; import {module}"
    done = pytester.run(sys.executable, "-W", "error", "-c", code)
    assert done.ret == 1
    assert done.stderr.lines[-1] == (
        f"ModuleNotFoundError: {module} needs {missing}: pip install 'mcp-sessiongen[testing]'"
    )
