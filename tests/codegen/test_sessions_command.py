"""`sessions`: what those who run a server see of a store, end in it and take from it, as they type it."""

import asyncio
import contextlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessiongen.commands.sessions import ending
from mcp_sessiongen.commands.sessions.table import Column, Table, cut
from mcp_sessiongen.commands.sessions.units import moment, parse_size, size
from mcp_sessiongen.commands.sessions.units import time as time_text
from mcp_sessions import UntypedSession
from mcp_sessions.admin import Filters, reference_of, summaries
from mcp_sessions.stores import (
    TRANSPORT_SCHEMA,
    Access,
    Address,
    Lifetime,
    Listed,
    MemoryStore,
    Page,
    SessionInfo,
    SQLiteStore,
)
from mcp_sessions.stores.encrypted import EncryptedStore, new_key
from mcp_sessions.stores.notices import notices_of
from mcp_sessions.stores.notices.board import Board, Kind, topic, topic_of
from mcp_sessions.stores.terms import EVENTS_SCHEMA

Run: TypeAlias = Callable[..., Any]

SETTINGS = '[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "state"\n'
SCHEMA = """
sessiongen: 1
types:
  Item: {fields: {sku: str, login: "dict[str, str] = {}"}}
sessions:
  cart:
    lifetime: {idle: 1d, max: 7d}
    keys:
      visits: {type: int, ge: 0, default: 0, doc: How often it was looked at.}
      items: list[Item] = []
      status: {type: "Literal['open', 'paid']", default: open}
      coupon: str?
      api_token: str
"""
URL = "sqlite:///s.db"
OWNER, OTHER = "4f1c09ab" * 8, "77aa12cd" * 8
DAY = 86400.0
HOSTILE = "evil\x1b[31m\u202e\x9b2J\n"


def id_of(number: int, schema: str = "cart") -> str:
    return f"{schema}_{'abcdefgh'[number] * 32}"


def digest_of(schema: str) -> str:
    """A pad is a session of which no schema says anything."""
    return "" if schema == "pad" else "x"


def handle(number: int, owner: str | None = OWNER, schema: str = "cart", version: int = 1) -> Access:
    return Access(
        Address("handle", id_of(number, schema), schema),
        owner,
        version=version,
        digest=digest_of(schema),
        since=version,
    )


MCP = Access(Address("transport", "mcps-" + "m" * 32, TRANSPORT_SCHEMA), OTHER)


async def fill(path: Path) -> None:
    """Three carts, of which one has wrong values, a pad of nobody's, and an MCP session; all three hours old."""
    store = SQLiteStore(path, clock=lambda: time.time() - 3 * 3600.0 - 30.0)
    items = b'[{"sku":"A","login":{"password":"hunter2"}}]'
    await store.create(handle(0), Lifetime(DAY, 7 * DAY), {"visits": b"3", "items": items, "api_token": b'"sk-1"'})
    await store.create(handle(1, OTHER), Lifetime(DAY, 7 * DAY), {"coupon": b'"' + b"x" * 5000 + b'"'})
    await store.create(handle(2), Lifetime(DAY, 7 * DAY), {"visits": b"-1", HOSTILE: b'"\xc2\x9b\\u001b[2J"'})
    await store.create(handle(3, None, "pad"), Lifetime(DAY), {"note": b'{"n":1.10}'})
    await store.create(MCP, Lifetime(DAY))
    for schema, name in (("cart", "visits"), (EVENTS_SCHEMA, "0000000001-" + "ab" * 16)):
        child = replace(MCP, address=replace(MCP.address, schema=schema), begin=Lifetime(DAY, 7 * DAY), digest="x")
        await store.write(child, {name: b"4"})
    await store.aclose()


@pytest.fixture
def shop(project: Path, run: Run) -> Path:
    """A project with a schema and a store."""
    (project / "pyproject.toml").write_text(SETTINGS)
    (project / "schemas").mkdir()
    (project / "schemas/cart.yaml").write_text(SCHEMA)
    assert run("generate").code == 0
    asyncio.run(fill(project / "s.db"))
    return project


@pytest.fixture
def sessions(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a subcommand on the store, and check what holds for all of them."""
    monkeypatch.setenv("MCP_SESSIONS_STORE", URL)

    def run_on_store(*arguments: str, code: int = 0) -> Any:
        outcome = run("sessions", *arguments)
        assert outcome.code == code, outcome.text
        assert "Traceback" not in outcome.text
        for character in "\x1b\x9b\u202e":
            assert character not in outcome.text
        return outcome

    return run_on_store


def ids_in(path: Path) -> set[str]:
    async def ask() -> set[str]:
        store = SQLiteStore(path)
        found = {f"{one.address.schema} {one.address.id}" for one in (await store.scan(limit=1000)).sessions}
        await store.aclose()
        return found

    return asyncio.run(ask())


# list


def test_a_list_shows_what_there_is(sessions: Run) -> None:
    assert sessions("list").out == (
        "SCHEMA       SESSION       OWNER     AGE  IDLE  EXPIRES IN     SIZE  VER\n"
        "cart         cart_aaaa...  4f1c09ab   3h    3h      21h23m     71 B    1\n"
        "cart         cart_bbbb...  77aa12cd   3h    3h      21h23m  4.9 KiB    1\n"
        "cart         cart_cccc...  4f1c09ab   3h    3h      21h23m     38 B    1\n"
        "pad          pad_dddd...   -          3h    3h      21h23m     14 B    1\n"
        "MCP session  mcps-mmmm...  77aa12cd   3h    3h      21h23m      0 B    1\n"
        "events       mcps-mmmm...  77aa12cd   3h    3h      21h23m     44 B    1\n"
        "cart         mcps-mmmm...  77aa12cd   3h    3h      21h23m      7 B    1\n"
    )


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--schema", "pad"), ["pad_dddd..."]),
        (("--schema", "MCP session"), ["mcps-mmmm..."]),
        (("--owner", "4f1c"), ["cart_aaaa...", "cart_cccc..."]),
        (("--owner", "none"), ["pad_dddd..."]),
        (("--larger-than", "1KB"), ["cart_bbbb..."]),
        (("--older-than", "2h", "--schema", "pad"), ["pad_dddd..."]),
        (("--older-than", "4h"), []),
        (("--idle", "2h59m", "--larger-than", "50B", "--owner", "4f"), ["cart_aaaa..."]),
        (("--idle", "4h"), []),
        (("--expires-within", "1h"), []),
        (("--handles", "--sort", "size"), ["cart_bbbb...", "cart_aaaa...", "cart_cccc...", "pad_dddd..."]),
        (("--sort", "size", "--limit", "1"), ["cart_bbbb..."]),
        (("--mcp", "--sort", "schema"), ["mcps-mmmm..."] * 3),
        (("--limit", "2"), ["cart_aaaa...", "cart_bbbb..."]),
    ],
)
def test_a_list_has_what_is_asked_for(sessions: Run, arguments: tuple[str, ...], found: list[str]) -> None:
    listed = json.loads(sessions("list", "--format", "json", *arguments).out)
    assert [one["session"] for one in listed] == found
    lines = sessions("list", "--format", "jsonl", *arguments).out.splitlines()
    assert [json.loads(line)["session"] for line in lines] == found
    table = sessions("list", *arguments).out
    assert [name in table for name in found] == [True] * len(found)
    assert found or table == "no such sessions\n"


def test_json_has_seconds_bytes_and_times(sessions: Run) -> None:
    [one] = json.loads(sessions("list", "--format", "json", "--schema", "pad").out)
    assert one["age"] == pytest.approx(3 * 3600, abs=60)
    assert one["idle"] == pytest.approx(3 * 3600, abs=60)
    assert one["size"] == 14
    assert one["created"].endswith("Z")
    assert (one["owner"], one["max_at"], one["idle_lifetime"], one["space"]) == (None, None, DAY, "handle")
    assert one["reference"] == reference_of(handle(3, None, "pad").address)
    assert "id" not in one


def test_whole_ids_are_shown_to_who_asks_for_them(sessions: Run) -> None:
    for form in ("table", "json", "jsonl"):
        assert id_of(0) not in sessions("list", "--format", form).text
        assert id_of(0) in sessions("list", "--format", form, "--ids").out


def test_an_empty_store_is_said_to_be_empty(sessions: Run) -> None:
    sessions("end", "--older-than", "1s", "--yes")
    assert sessions("list").out == "no sessions\n"
    assert sessions("list", "--format", "json").out == "[]\n"
    assert sessions("list", "--format", "jsonl").out == ""
    assert sessions("stats").out == "no sessions\n"


def test_a_long_table_is_cut_off_on_a_terminal_and_says_so(sessions: Run, shop: Path) -> None:
    async def more() -> None:
        store = SQLiteStore(shop / "s.db")
        for _ in range(120):
            await UntypedSession.create(store)
        await store.aclose()

    asyncio.run(more())
    shown = on_terminal("list", "--schema", "session").splitlines()
    assert len(shown) == 102
    assert shown[-1] == "only 100 sessions are shown; --limit 0 shows all"
    assert all(len(line) <= 60 for line in shown)
    assert "  session_" in shown[1]
    assert "…" in shown[1]
    assert len(on_terminal("list", "--schema", "session", "--limit", "0").splitlines()) == 121
    piped = sessions("list", "--schema", "session")
    assert (len(piped.out.splitlines()), piped.err) == (121, "")
    assert sessions("list", "--schema", "session", "--limit", "7").err == ""


def test_what_goes_through_a_large_store_shows_on_a_terminal_how_far_it_is(sessions: Run, shop: Path) -> None:
    searches = (("list", "--sort", "size", "--schema", "pad"), ("show", "pad_dddd"), ("end", "pad_dddd", "--dry-run"))
    filtered = ("end", "--schema", "pad", "--dry-run")
    assert not any("sessions  [" in on_terminal(*arguments) for arguments in (*searches, filtered))

    async def more() -> None:
        store = SQLiteStore(shop / "s.db")
        for _ in range(2000):
            await UntypedSession.create(store)
        await store.aclose()

    asyncio.run(more())
    assert all("sessions  [" in on_terminal(*arguments) for arguments in (*searches, filtered))
    assert "sessions  [" not in on_terminal("show", id_of(3, "pad")), "it is looked up"
    assert sessions("list", "--sort", "size", "--schema", "pad").err == ""


def on_terminal(*arguments: str) -> str:
    """Run a subcommand on a terminal of 60 columns, and return what is on it."""
    pty = pytest.importorskip("pty", reason="there are no terminals to open on this system")
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", *arguments]
    environment = {**os.environ, "COLUMNS": "60", "NO_COLOR": "1"}
    with subprocess.Popen(line, stdout=theirs, stderr=theirs, stdin=theirs, env=environment) as process:
        os.close(theirs)
        read = b""
        with contextlib.suppress(OSError):  # which is how a terminal ends that nobody writes to
            while some := os.read(ours, 65536):
                read += some
        assert process.wait(timeout=60) == 0
    os.close(ours)
    return read.decode().replace("\r\n", "\n")


class Endless(MemoryStore):
    """A store with more sessions than anybody can keep."""

    pages = 0

    async def scan(self, **_: Any) -> Page:
        self.pages += 1
        info = SessionInfo(0.0, 9e9, 1, "", 5)
        return Page(tuple(Listed(handle(number).address, None, info) for number in range(8)), "more")


async def test_sessions_are_given_as_they_are_read() -> None:
    store = Endless()
    found: AsyncIterator[Any] = summaries(store, Filters(), clock=lambda: 100.0)
    for _ in range(9):
        await anext(found)
    assert store.pages == 2


# show


SHOWN = f"""\
cart  cart_aaaa...
  owner       {OWNER}
  began       <then>, 3h ago
  last used   3h ago
  expires     in 21h23m, or 1d after its next use
  at most     until <then>
  version     1
  size        71 B
  reference   {reference_of(handle(0).address)}

  # How often it was looked at.
  visits: int = 3
  items: list[Item] = [
    {{
      "sku": "A",
      "login": {{
        "password": "********"
      }}
    }}
  ]
  status: Literal['open', 'paid'] = "open"  (default)
  coupon: str | None  (unset)
  api_token: str = ********
"""


def without_times(text: str) -> str:
    import re

    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "<then>", text)


def test_a_session_is_shown_by_its_schema(sessions: Run) -> None:
    for name in (id_of(0), "cart_aaaa...", "cart_aaaa", reference_of(handle(0).address)):
        assert without_times(sessions("show", name).out) == SHOWN
    assert without_times(sessions("show", "cart_aaaa", "-m", "state.cart:CartSession").out) == SHOWN


def test_secrets_are_shown_to_who_asks_for_them(sessions: Run) -> None:
    hidden, revealed = sessions("show", "cart_aaaa").out, sessions("show", "cart_aaaa", "--reveal").out
    assert "hunter2" not in hidden
    assert "sk-1" not in hidden
    assert '"password": "hunter2"' in revealed
    assert 'api_token: str = "sk-1"  (secret)' in revealed
    found = json.loads(sessions("show", "cart_aaaa", "--format", "json").out)
    [token] = [one for one in found["keys"] if one["key"] == "api_token"]
    assert (token["value"], token["is_secret"], token["is_masked"]) == (None, True, True)
    assert "hunter2" not in json.dumps(found)


def test_what_does_not_fit_is_marked_and_what_is_hostile_is_made_printable(sessions: Run) -> None:
    shown = sessions("show", "cart_cccc").out
    assert "visits: int = -1\n    wrong: the stored value does not fit the key's type: input should be greater" in shown
    assert r'evil\x1b[31m\u202e\x9b2J\n = "\x9b\u001b[2J"  (not in the schema)' in shown


def test_single_keys_are_shown_alone(sessions: Run) -> None:
    assert (
        sessions("show", "cart_aaaa", "--key", "visits").out == "  # How often it was looked at.\n  visits: int = 3\n"
    )
    found = json.loads(sessions("show", "cart_aaaa", "--key", "visits", "--format", "json").out)
    assert [(one["key"], one["value"], one["state"]) for one in found["keys"]] == [("visits", 3, "set")]
    assert sessions("show", "cart_aaaa", "--key", "nothing", code=1).err == "no such key: nothing\n"


def test_without_a_schema_values_are_json(sessions: Run) -> None:
    shown = sessions("show", "pad_").out
    assert '  note = {\n    "n": 1.10\n  }\n' in shown
    assert "The schema is not at hand: --module names it" in shown


def test_an_mcp_session_is_shown_with_all_that_is_in_it(sessions: Run) -> None:
    shown = sessions("show", "mcps-").out
    heads = [line for line in shown.splitlines() if line.endswith("mcps-mmmm...")]
    assert heads == ["MCP session  mcps-mmmm...", "cart  mcps-mmmm...", "events  mcps-mmmm..."]
    assert "0000000001-abab... = ********" in shown
    assert len(json.loads(sessions("show", "mcps-", "--format", "json").out)) == 3
    assert "visits: int = 4" in sessions("show", "mcps-", "--schema", "cart").out


def test_several_sessions_of_one_beginning_are_listed_with_what_tells_them_apart(sessions: Run) -> None:
    outcome = sessions("show", "cart_", code=1)
    assert outcome.out == ""
    assert "cart_ names 3 sessions; write more of the id, or a reference:" in outcome.err
    assert all(reference_of(handle(number).address) in outcome.err for number in range(3))


def test_a_session_that_is_not_there_is_said_not_to_be(sessions: Run) -> None:
    assert sessions("show", "nobody", code=1).err == "no live session: nobody\n"
    assert sessions("show", id_of(6), code=1).err == "no live session: cart_gggg...\n"
    assert sessions("show", "cart_aaaa", "--schema", "pad", code=1).err == (
        "no live session: cart_aaaa of schema pad\n"
    )


def test_an_id_can_be_given_on_stdin(shop: Path) -> None:
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", "show", "-", "--store", URL]
    done = subprocess.run(line, cwd=shop, input=f"{id_of(0)}\n", capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cart  cart_aaaa...")
    done = subprocess.run(line, cwd=shop, input="", capture_output=True, text=True, check=False)
    assert (done.returncode, "There is no id on stdin" in done.stderr) == (2, True)


def test_a_module_of_the_project_that_fails_leaves_json(sessions: Run, shop: Path) -> None:
    (shop / "state/cart.py").write_text("print('noise')\nraise RuntimeError('no')\n")
    outcome = sessions("show", "cart_aaaa", "--format", "json")
    assert json.loads(outcome.out)["has_schema"] is False
    assert "note: Cannot import state.cart: RuntimeError: no Its sessions are shown as JSON." in outcome.err
    assert "Cannot import state.cart" in sessions("show", "cart_aaaa", "-m", "state.cart", code=2).err


def test_what_was_meant_is_said_of_keys_and_schemas(sessions: Run) -> None:
    assert sessions("show", "cart_aaaa", "--key", "visit", code=1).err == "no such key: visit; did you mean 'visits'?\n"
    assert sessions("show", "cart_aaaa", "--key", "zzz", code=1).err == "no such key: zzz\n"
    wrong = sessions("end", "mcps-", "--schema", "crat", "--yes", code=1).err
    assert wrong == "no live session: mcps- of schema crat; did you mean 'cart'?\n"


def test_untyped_sessions_of_a_module_have_a_schema(sessions: Run, shop: Path) -> None:
    (shop / "pads.py").write_text(
        "from mcp_sessions import UntypedSession\n\n\nclass Pad(UntypedSession, name='pad'):\n    pass\n"
    )
    assert "not at hand" not in sessions("show", "pad_", "-m", "pads").out
    assert sessions("show", "pad_", "-m", "json", code=2).err.endswith("Error: json has no accessor class.\n")
    hidden = sessions("show", "cart_aaaa", "-m", "pads").out
    assert "  visits = ********\n" in hidden
    assert hidden.endswith("Without it nobody knows which keys are secret: --reveal shows all.\n")
    assert "  visits = 3  (secret)\n" in sessions("show", "cart_aaaa", "-m", "pads", "--reveal").out


# end


def test_named_sessions_are_ended(sessions: Run, shop: Path) -> None:
    assert sessions("end", "cart_aaaa...", reference_of(handle(1).address), "--yes").out == "2 sessions ended\n"
    assert {f"cart {id_of(2)}", f"pad {id_of(3, 'pad')}"} < ids_in(shop / "s.db")
    outcome = sessions("end", "cart_aaaa", "cart_cccc", "--yes", "--format", "json", code=1)
    assert json.loads(outcome.out) == {"ended": 1, "gone": 0, "not_found": 1, "dry_run": False}
    assert outcome.err == "no live session: cart_aaaa\n"


def told_of(path: Path, address: Address, *arguments: str) -> list[Kind]:
    """Run a command in a process of its own, and return what a server on the store hears of a session meanwhile."""

    async def listen() -> list[Kind]:
        store = SQLiteStore(path)
        board, told, last = Board(notices_of(store)), [], asyncio.Event()
        assert await board.ready()
        board.watch(topic_of(address), told.append)
        board.watch(topic("last"), lambda _: last.set())
        command = [sys.executable, "-m", "mcp_sessiongen", "sessions", *arguments]
        await asyncio.to_thread(subprocess.run, command, cwd=path.parent, check=True, timeout=60)
        ours = Board(notices_of(store))
        ours.post(Kind.CHANGED, topic("last"))
        await ours.aclose()
        async with asyncio.timeout(30):
            await last.wait()
        await board.aclose()
        await store.aclose()
        return told

    return asyncio.run(listen())


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        (["end", "cart_aaaa", "--yes"], [Kind.OVER]),
        (["end", "cart_aaaa", "--dry-run"], []),
        (["import", "b.jsonl"], [Kind.CHANGED]),
        (["show", "cart_aaaa"], []),
    ],
)
def test_those_who_listen_to_a_session_are_told_of_what_is_done_to_it(
    sessions: Run, shop: Path, arguments: list[str], kind: list[Kind]
) -> None:
    if arguments[0] == "import":
        sessions("export", "b.jsonl")
        (shop / "s.db").unlink()
        asyncio.run(_made(shop / "s.db"))
    assert told_of(shop / "s.db", handle(0).address, *arguments) == kind


async def _made(path: Path) -> None:
    store = SQLiteStore(path)
    await store.count()
    await store.aclose()


def test_an_mcp_session_ends_with_all_that_is_in_it(sessions: Run, shop: Path) -> None:
    assert sessions("end", "mcps-", "--yes").out == "3 sessions ended\n"
    assert len(ids_in(shop / "s.db")) == 4


def test_one_schema_of_an_mcp_session_is_ended_alone(sessions: Run, shop: Path) -> None:
    assert sessions("end", "mcps-", "--schema", "cart", "--yes").out == "1 session ended\n"
    assert len(ids_in(shop / "s.db")) == 6


def test_what_filters_let_through_is_ended(sessions: Run, shop: Path) -> None:
    assert sessions("end", "--owner", "4f1c09ab", "--idle", "1h", "--yes").out == "2 sessions ended\n"
    assert not any(id_of(number) in one for one in ids_in(shop / "s.db") for number in (0, 2))
    assert sessions("end", "--owner", OWNER, "--yes").out == "0 sessions ended\n"


def test_what_begins_while_somebody_is_asked_is_not_ended(
    sessions: Run, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what was shown was confirmed: neither another session is ended, nor a new one of the same id."""

    async def begin_others() -> None:
        store = SQLiteStore(shop / "s.db")
        await store.end(handle(2))
        await store.create(handle(4), Lifetime(DAY), {"visits": b"1"})
        await store.aclose()
        later = SQLiteStore(shop / "s.db", clock=lambda: time.time() + 2 * 3600.0)
        await later.purge_expired(10)
        await later.create(handle(2), Lifetime(DAY), {"visits": b"1"})
        await later.aclose()

    def ask(found: Any, *_: object, **options: bool) -> None:
        assert found.total == 2
        asyncio.run(begin_others())

    monkeypatch.setattr(ending, "_ask", ask)
    assert sessions("end", "--owner", "4f1c09ab").out == "1 session ended\n"
    left = ids_in(shop / "s.db")
    assert f"cart {id_of(0)}" not in left
    assert {f"cart {id_of(2)}", f"cart {id_of(4)}"} < left


def test_a_dry_run_shows_what_would_be_ended(sessions: Run, shop: Path) -> None:
    before = ids_in(shop / "s.db")
    for arguments in (("--owner", "4f1c09ab"), ("cart_aaaa", "cart_cccc")):
        shown = sessions("end", *arguments, "--dry-run").out
        assert shown.endswith("2 sessions would be ended\n")
        assert "cart_aaaa..." in shown
        assert "cart_cccc..." in shown
    assert ids_in(shop / "s.db") == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "Name sessions, or say which with --schema"),
        (("cart_aaaa",), "1 session would be ended, and nobody can be asked: add --yes."),
        (("--owner", "4f1c09ab"), "2 sessions would be ended, and nobody can be asked"),
        (("--owner", "", "--yes"), "Invalid value for '--owner': it is empty; is a variable not set?"),
        (("--schema", "", "--yes"), "Invalid value for '--schema': it is empty"),
        (("mcps-", "--schema", "", "--yes"), "Invalid value for '--schema': it is empty"),
        (("--owner", "4f1c", "--yes"), "--owner takes none, or 8 to 64 hex digits of a hash; got '4f1c'."),
        (("--owner", "user-17-at-work", "--yes"), "--owner takes none, or 8 to 64 hex digits"),
        (("--older-than", "", "--yes"), "Invalid value for '--older-than'"),
        (("--larger-than", "", "--yes"), "Invalid value for '--larger-than'"),
        (("cart_aaaa", "--owner", "4f"), "Name sessions or use filters, not both"),
        (("-",), "With ids on stdin nobody can be asked"),
    ],
)
def test_nothing_is_ended_unless_that_is_plainly_meant(
    sessions: Run, shop: Path, arguments: tuple[str, ...], says: str
) -> None:
    before = ids_in(shop / "s.db")
    assert says in sessions("end", *arguments, code=2).err
    assert ids_in(shop / "s.db") == before


@pytest.mark.parametrize(
    "arguments",
    [
        ("list", "--owner", ""),
        ("list", "--schema", ""),
        ("show", "mcps-", "--schema", ""),
        ("show", "mcps-", "--key", ""),
        ("export", "-", "--schema", ""),
    ],
)
def test_an_option_that_is_empty_is_refused_as_that_of_a_variable_that_is_not_set(
    sessions: Run, arguments: tuple[str, ...]
) -> None:
    refused = sessions(*arguments, code=2)
    assert "it is empty; is a variable not set?" in refused.err
    assert refused.out == ""


def test_many_are_ended_by_ids_on_stdin(shop: Path) -> None:
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", "end", "-", "--yes", "--store", URL]
    done = subprocess.run(
        line, cwd=shop, input=f"{id_of(0)}\n\n{id_of(1)}\n", capture_output=True, text=True, check=True
    )
    assert done.stdout == "2 sessions ended\n"


# purge, stats


def test_expired_sessions_are_purged(sessions: Run, shop: Path) -> None:
    async def expire() -> None:
        store = SQLiteStore(shop / "s.db", clock=lambda: time.time() - 60.0)
        for number in range(4, 7):
            await store.create(handle(number), Lifetime(10.0), {"visits": b"1"})
        await store.aclose()

    asyncio.run(expire())
    assert sessions("purge").out == "3 expired sessions removed\n"
    assert json.loads(sessions("purge", "--format", "json").out) == {"purged": 0}
    assert sessions("purge", "--quiet").text == ""
    assert len(ids_in(shop / "s.db")) == 7


def test_statistics_are_a_table_or_json(sessions: Run) -> None:
    shown = sessions("stats").out
    assert shown.startswith("7 sessions, 2 of them in an MCP session; 5.1 KiB\n2 owners; 1 session without one\n\n")
    assert "cart                4       2  5 KiB  4.9 KiB      3h       21h23m  1: 4\n" in shown
    assert "up to   16 KiB  ########  " in shown
    found = json.loads(sessions("stats", "--format", "json").out)
    assert (found["sessions"], found["owners"], found["ownerless"]) == (7, 2, 1)
    assert found["by_schema"]["cart"]["versions"] == {"1": 4}
    assert sum(one["sessions"] for one in found["sizes"]) == 7


# export, import


def test_sessions_go_into_a_file_and_from_there_into_another_store(sessions: Run, shop: Path) -> None:
    assert sessions("export", "b.jsonl").out == "7 sessions exported to b.jsonl\n"
    if os.name == "posix":
        assert stat.S_IMODE((shop / "b.jsonl").stat().st_mode) == 0o600
    assert sessions("import", "b.jsonl", "--store", "sqlite:///new.db").out == "7 sessions imported\n"
    assert ids_in(shop / "new.db") == ids_in(shop / "s.db")
    again = sessions("import", "b.jsonl", "--store", "sqlite:///new.db", "--format", "json")
    assert json.loads(again.out) == {"sessions": 0, "existing": 7, "expired": 0, "orphans": 0}
    assert sorted(path.name for path in shop.iterdir() if "b.jsonl" in path.name) == ["b.jsonl"]


def test_a_file_is_not_overwritten_unless_that_is_said(sessions: Run, shop: Path) -> None:
    (shop / "b.jsonl").write_text("mine")
    assert "b.jsonl is there already: --force overwrites it." in sessions("export", "b.jsonl", code=2).err
    assert (shop / "b.jsonl").read_text() == "mine"
    sessions("export", "b.jsonl", "--force", "--quiet")
    assert len((shop / "b.jsonl").read_text().splitlines()) == 8


def test_some_schemas_are_exported_with_the_mcp_sessions_that_they_live_in(sessions: Run, shop: Path) -> None:
    sessions("export", "carts.jsonl", "--schema", "cart")
    assert sessions("import", "carts.jsonl", "--store", "sqlite:///new.db").out == "5 sessions imported\n"
    wanted = {one for one in ids_in(shop / "s.db") if one.startswith(("cart ", " "))}
    assert ids_in(shop / "new.db") == wanted
    sessions("export", "pads.jsonl", "--schema", "pad")
    assert len((shop / "pads.jsonl").read_text().splitlines()) == 2


def test_an_export_goes_through_a_pipe(sessions: Run, shop: Path) -> None:
    outcome = sessions("export", "-", "--schema", "pad")
    assert [json.loads(line).get("schema") for line in outcome.out.splitlines()] == [None, "pad"]
    assert outcome.err == "1 session exported\n"
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", "import", "-", "--store", "sqlite:///new.db"]
    done = subprocess.run(line, cwd=shop, input=outcome.out, capture_output=True, text=True, check=True)
    assert done.stdout == "1 session imported\n"


def test_sessions_without_the_mcp_session_that_they_live_in_are_told(sessions: Run, shop: Path) -> None:
    sessions("export", "b.jsonl")
    lines = (shop / "b.jsonl").read_text().splitlines()
    (shop / "b.jsonl").write_text("\n".join(one for one in lines if '"schema": ""' not in one) + "\n")
    outcome = sessions("import", "b.jsonl", "--store", "sqlite:///new.db", code=1)
    assert outcome.out == "4 sessions imported\n"
    assert outcome.err == "not imported: 2 sessions of MCP sessions that are not there\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "error: that is no export of sessions"),
        ("what\n", "error: that is no export of sessions"),
        ('{"mcp-sessions": 1}\n{"a": 1}\n', "error: line 2 is no session of an export: "),
        ('{"mcp-sessions": 1}\n\x1b[2J\n', "error: line 2 is no session of an export: it is no JSON"),
    ],
)
def test_what_is_no_export_is_refused(sessions: Run, shop: Path, content: str, says: str) -> None:
    (shop / "b.jsonl").write_text(content)
    assert says in sessions("import", "b.jsonl", "--store", "sqlite:///new.db", code=2).err


def test_files_that_cannot_be_read_or_written_are_told(sessions: Run) -> None:
    assert "Cannot read nothing.jsonl: No such file" in sessions("import", "nothing.jsonl", code=2).err
    assert "Cannot write no/b.jsonl: No such file" in sessions("export", "no/b.jsonl", code=2).err


# doctor


def test_the_doctor_finds_what_is_wrong(sessions: Run) -> None:
    outcome = sessions("doctor", code=1)
    lines = outcome.out.splitlines()
    assert "ok       store        it is there, with 5 sessions" in lines
    assert "ok       permissions  the file is its owner's alone (mode 0600)" in lines
    assert "warning  schemas      1 session of schemas that are not at hand: pad" in lines
    [wrong] = [line for line in lines if line.startswith("error    values")]
    assert "1 of 7 values do not fit: cart.visits of cart_cccc...: the stored value does not fit" in wrong
    assert " " * 22 + "sessions: cart_cccc..." in lines
    assert lines[-1] == "1 error, 1 warning"
    assert "-1" not in outcome.out


def test_what_is_meant_to_be_so_is_ignored(sessions: Run) -> None:
    outcome = sessions("doctor", "--ignore", "values", "--ignore", "schemas")
    assert outcome.out.endswith("\nall is well\n")
    found = json.loads(sessions("doctor", "--ignore", "values", "--format", "json", code=1).out)
    assert found["is_well"] is False
    [one] = [one for one in found["findings"] if one["level"] != "ok"]
    assert (one["check"], one["count"], one["sessions"]) == ("schemas", 1, ["pad_dddd..."])


def test_a_check_that_there_is_not_is_told(sessions: Run) -> None:
    outcome = sessions("doctor", "--ignore", "value", "--ignore", "x", code=1)
    assert "note: there is no check 'value' to ignore; did you mean 'values'?" in outcome.err
    assert "note: there is no check 'x' to ignore; there are: autovacuum, clock, " in outcome.err


def test_the_limits_of_the_servers_are_heeded(sessions: Run) -> None:
    outcome = sessions("doctor", "--max-sessions", "5", "--max-per-owner", "2", code=1)
    assert "error    limits       5 sessions of at most 5" in outcome.out
    assert "warning  limits       the owner 4f1c09ab has 2 sessions of at most 2" in outcome.out


# encryption


@pytest.fixture
def sealed(shop: Path) -> tuple[Path, str]:
    """An encrypted store, and its key."""
    key = new_key()

    async def fill_sealed() -> None:
        store = EncryptedStore(SQLiteStore(shop / "e.db"), [key])
        await store.create(handle(0), Lifetime(DAY, 7 * DAY), {"visits": b"3", "coupon": b'"A"'})
        await store.aclose()

    asyncio.run(fill_sealed())
    return shop, key


def test_encrypted_values_need_the_keys(
    sealed: tuple[Path, str], sessions: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, key = sealed
    store = ("--store", "sqlite:///e.db")
    shown = sessions("show", "cart_aaaa", *store).out
    assert "visits: int = <encrypted>" in shown
    assert "Values are encrypted: their keys are read from MCP_SESSIONS_KEYS or --keys-file." in shown
    assert "could not be checked: they are encrypted" in sessions("doctor", *store, code=1).out
    (folder / "keys.txt").write_text(f"# the keys\n{new_key()}\n{key}\n")
    assert "visits: int = 3" in sessions("show", "cart_aaaa", *store, "--keys-file", "keys.txt").out
    monkeypatch.setenv("MCP_SESSIONS_KEYS", f"{new_key()}, {key}")
    assert "visits: int = 3" in sessions("show", "cart_aaaa", *store).out
    assert sessions("doctor", *store).out.endswith("all is well\n")
    monkeypatch.setenv("MCP_SESSIONS_KEYS", new_key())
    other = sessions("show", "cart_aaaa", *store).out
    assert "visits: int = <encrypted>" in other
    assert "which is not among the keys" in other
    assert "cannot be decrypted" in sessions("doctor", *store, code=1).out


def test_keys_that_are_none_are_refused_without_being_repeated(
    sealed: tuple[Path, str], sessions: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = sealed
    monkeypatch.setenv("MCP_SESSIONS_KEYS", "hunter2")
    outcome = sessions("show", "cart_aaaa", code=2)
    assert "The keys cannot be used: key 1 is text that is no key" in outcome.err
    assert "hunter2" not in outcome.text
    (folder / "empty.txt").write_text("# nothing\n")
    assert "There is no key in empty.txt" in sessions("show", "cart_aaaa", "--keys-file", "empty.txt", code=2).err
    assert "Cannot read no.txt: No such file" in sessions("show", "cart_aaaa", "--keys-file", "no.txt", code=2).err
    assert sessions("list").code == 0, "what shows no values needs no keys"


# errors


@pytest.mark.parametrize(
    "subcommand",
    ["list", "show x", "end x --yes", "purge", "stats", "export b.jsonl", "doctor"],
)
def test_a_store_that_cannot_be_reached_is_told_without_a_password(sessions: Run, subcommand: str) -> None:
    for url, says in (
        ("redis://me:hunter2@127.0.0.1:1/0", "error: the session store at redis://127.0.0.1:1 failed"),
        ("postgresql://me:hunter2@127.0.0.1:1/x", "error: cannot connect to the session database"),
        ("nosql://me:hunter2@host", "error: not a store URL: 'nosql://***@host'"),
        ("sqlite:///typo.db", "There is no session database typo.db"),
        ("redis://:hunter2@[::1/0", "error: not a store URL: 'redis://***@[::1/0'"),
        ("sqlite:typo.db", "error: not a store URL: 'sqlite:typo.db'; write memory://, sqlite:///relative.db"),
        ("memory://", "A store in memory is in the server's process, and nobody else's."),
    ):
        outcome = sessions(*subcommand.split(), "--store", url, code=2)
        assert says in outcome.err
        assert "hunter2" not in outcome.text
    assert not Path("typo.db").exists()
    assert not Path("b.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("list", "--idle", "10"), "not a duration: '10'; write a number and a unit"),
        (("list", "--larger-than", "10XB"), "not a size: '10XB'; write a number and a unit, such as 512B, 10KiB"),
        (("list", "--sort", "name"), "'name' is not one of"),
        (("show",), "Missing argument 'ID'"),
        (("nothing",), "No such command 'nothing'; there are: list, show, end, purge"),
        (("lst",), "No such command 'lst'; did you mean 'list'?"),
    ],
)
def test_wrong_usage_is_told(sessions: Run, arguments: tuple[str, ...], says: str) -> None:
    assert says in sessions(*arguments, code=2).err


def test_a_missing_store_is_told(shop: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MCP_SESSIONS_STORE", raising=False)
    outcome = run("sessions", "list")
    assert outcome.code == 2
    assert "Missing option '--store'. Or set MCP_SESSIONS_STORE; for a file here: --store sqlite:///s" in outcome.err


def test_ctrl_c_ends_an_import_that_waits_for_its_input(shop: Path) -> None:
    line = [sys.executable, "-m", "mcp_sessiongen", "sessions", "import", "-", "--store", "sqlite:///new.db"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(line, cwd=shop, text=True, **pipes) as process:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (shop / "new.db").exists():
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        assert process.stderr is not None
        assert process.stderr.read() == "interrupted\n"


@pytest.mark.parametrize("name", ["", "list", "show", "end", "purge", "stats", "export", "import", "doctor"])
def test_help_has_an_example_and_imports_neither_the_runtime_nor_mcp(name: str, project: Path) -> None:
    line = [sys.executable, "-X", "importtime", "-m", "mcp_sessiongen", "sessions", *name.split(), "--help"]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "Example" in done.stdout
    assert f"mcp-sessiongen sessions {name}" in done.stdout
    lines = [one for one in done.stderr.splitlines() if one.startswith("import time:")]
    imported = {one.rpartition("|")[2].strip().split(".")[0] for one in lines}
    assert imported & {"mcp", "mcp_sessions", "pydantic", "jinja2", "yaml", "asyncio"} == set()


# words, numbers and tables


def test_times_are_told_by_their_two_largest_units() -> None:
    given = [None, 0.0, 0.4, 1.0, 59.6, 61.0, 599.0, 600.0, 3661.0, 86399.0, 90000.0, 1e6, -5.0]
    assert [time_text(one) for one in given] == [
        *["-", "0s", "0s", "1s", "1m", "1m1s", "9m59s", "10m", "1h1m", "23h59m", "1d1h", "11d13h", "-5s"]
    ]
    assert moment(1e18).startswith("9999-")


def test_sizes_are_told_in_few_digits_and_read_back() -> None:
    given = [0, 1023, 1024, 1536, 10240, 102400, 1024**2, 5.5 * 1024**3]
    assert [size(one) for one in given] == [
        "0 B",
        "1023 B",
        "1 KiB",
        "1.5 KiB",
        "10 KiB",
        "100 KiB",
        "1 MiB",
        "5.5 GiB",
    ]
    assert [parse_size(text) for text in ("10", "10KB", "10kib", "1.5mb", "2GiB", "512 B")] == [
        10,
        10240,
        10240,
        1572864,
        2 * 1024**3,
        512,
    ]
    for text in ("", "KB", "-1", "1e3", "10 PB", "10 iB"):
        with pytest.raises(ValueError, match="not a size"):
            parse_size(text)


def test_a_table_fits_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = (Column("NAME", flexible=True), Column("SIZE", is_number=True), Column("PLACE", flexible=True))
    rows = [["x" * 60, "1 B", "ключ" * 20], ["y\x1b", "10 KB", "漢字" * 30]]
    plain = list(Table(columns).lines(rows))
    assert len(plain[1]) > 100
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    fitted = list(Table(columns).lines(rows))
    assert fitted[0].split() == ["NAME", "SIZE", "PLACE"]
    assert all(len(line) <= 40 for line in fitted)
    assert fitted[1].count("…") == 2
    assert r"y\x1b" in fitted[2]
    assert cut("漢字漢字", 5) == "漢字…"
