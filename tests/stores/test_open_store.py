"""Opening a store by its URL: what works, and one clear line for what does not."""

import importlib
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.stores.postgres_server import PostgresServer

from mcp_sessions import StoreUrlError, open_store
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, SQLiteStore

ACCESS = Access(Address("handle", "1", "cart"))


async def test_memory() -> None:
    store = open_store("memory://")
    assert isinstance(store, MemoryStore)
    await store.create(ACCESS, Lifetime(60.0))


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///s.db", "s.db"),
        ("SQLite:///s.db", "s.db"),
        ("sqlite:///a%20b%23%3f%25.db", "a b#?%.db"),
        ("sqlite:///folder/s.db", "folder/s.db"),
        ("sqlite:///ключ.db", "ключ.db"),
        ("sqlite:///a@b:c.db", "a@b:c.db"),
        ("sqlite:///s.db?synchronous=full&busy_timeout=10s", "s.db"),
    ],
)
async def test_a_relative_path(url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("folder").mkdir()
    store = open_store(url)
    assert isinstance(store, SQLiteStore)
    assert (tmp_path / name).is_file()
    monkeypatch.chdir("/")
    await store.create(ACCESS, Lifetime(60.0))
    await store.aclose()


async def test_an_absolute_path_and_options(tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db?synchronous=full", clock=lambda: 5.0, synchronous="NORMAL")
    assert (tmp_path / "s.db").is_file()
    assert (await store.create(ACCESS, Lifetime(60.0))).created == 5.0
    await store.aclose()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "not a store URL: ''"),
        ("sessions.db", "not a store URL: 'sessions.db'; write memory://, sqlite:///relative.db"),
        ("sqlite", "not a store URL"),
        ("sqlite:sessions.db", "not a store URL: 'sqlite:sessions.db'; write memory://, sqlite:///relative.db"),
        (":memory:", "not a store URL: ':memory:'; write memory://"),
        ("sqlite:s.db?key=hunter2", "not a store URL: 'sqlite:s.db?...'"),
        ("sqlite:a@hunter2", "not a store URL: '***'"),
        ("sqlite:", "not a store URL"),
        ("sqlite://", "no file is named"),
        ("sqlite:///", "no file is named"),
        ("sqlite:///a%00b", "no file is named"),
        ("sqlite://sessions.db", "three slashes"),
        ("sqlite://[", "not a store URL"),
        ("sqlite:///:memory:", "memory://"),
        ("sqlite:///s.db#x", "%23"),
        ("sqlite:///s.db?mode=ro", "got mode"),
        ("sqlite:///s.db?synchronous=maybe", "that is no value for synchronous"),
        ("sqlite:///s.db?busy_timeout=5", "that is no value for busy_timeout"),
        ("memory://x", "takes no address"),
        ("memory:///x", "takes no address"),
        ("memory://?x=1", "takes no address"),
        ("mysql://me:hunter2@host/db", "not a store URL: 'mysql://***@host/db'"),
        ("mysql://host/db?password=hunter2", "not a store URL: 'mysql://host/db?...'"),
        ("mysql://me:hunter2?x@host", "not a store URL: 'mysql://***'"),
        ("me:hunter2@host", "not a store URL: '***'"),
        ("redis:hunter2", "not a store URL: '***'"),
        ("postgress://host/db?password=abc@hunter2", "not a store URL: 'postgress://***'"),
        ("sqlite://h/x.db?key=a@hunter2", "write three slashes before its path; got 'sqlite://***'"),
        ("memory://?a=@hunter2", "got 'memory://***'"),
        ("redis://u:12#hunter2@host", "write %23 for a #"),
        ("sqlite://me:hunter2@host/s.db", "sqlite://***@host/s.db"),
        ("memory://me:hun@ter2@host", "memory://***@host"),
        ("redis://", "not the address of a Redis or Valkey server"),
        ("redis:///0", "not the address of a Redis or Valkey server"),
        ("redis://me:hunter2@host:port", "not the address of a Redis or Valkey server (redis://...)"),
        ("redis://me:hunter2@host/first", "not the address of a Redis or Valkey server"),
        ("redis://:hunter2@host?db=first", "Invalid value for 'db'"),
        ("redis://:hunter2@host?socket_timeout=soon", "does not take the options of redis://host: Invalid value"),
        ("valkey://:hunter2@host?sockets=1", "does not take the options of valkey://host: "),
        ("redis://:hunter2@host?cluster=maybe", "cluster must be true or false"),
        ("redis://:hunter2@host?partitions=0", "partitions is a whole number"),
        ("redis://:hunter2@host?partitions=many", "partitions is a whole number"),
        ("redis://:hunter2@host?prefix=", "the prefix of keys"),
        ("redis://:hunter2@host?prefix=a%7Bb", "the prefix of keys"),
        ("unix://", "not the address"),
        ("postgresql://me:hunter2@host:x/db", "ambiguous: if there is a password in it, percent-encode"),
        ("postgresql://me:hun@ter2@host/db", "%40 for an @"),
        ("postgresql://me:hunter2/x@host/db", "percent-encode"),
        ("postgresql://me:hunter2@host/db?sslmod=require", "that is no PostgreSQL URL"),
        ("postgresql://me:hunter2@host/db?connections=many", "that is no value for connections"),
        ("postgresql://me:hunter2@host/db?connections=0", "connections must be at least 1"),
        ("postgresql://me:hunter2@host/db?timeout=5", "that is no value for timeout"),
        ("postgres://me:hunter2@host/db?create=maybe", "that is no value for create"),
    ],
)
def test_what_cannot_be_opened_is_said_in_a_line(
    url: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreUrlError) as raised:
        open_store(url)
    text = str(raised.value)
    assert words in text
    assert "\n" not in text
    assert "hunter2" not in text
    assert "ter2" not in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("scheme", "package", "extra", "what"),
    [
        *(
            (scheme, "redis", "redis", "Redis and Valkey")
            for scheme in ("redis", "rediss", "valkey", "valkeys", "unix")
        ),
        ("postgresql", "psycopg", "postgres", "PostgreSQL"),
        ("postgres", "psycopg", "postgres", "PostgreSQL"),
    ],
)
def test_a_store_whose_packages_are_missing_says_how_to_get_them(
    scheme: str, package: str, extra: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = (package, f"mcp_sessions.stores.{extra}")
    for name in [name for name in sys.modules if name.startswith(theirs)]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StoreUrlError) as raised:
        open_store(f"{scheme}://me:hunter2@host/0")
    assert str(raised.value) == f"{what} stores need more packages: pip install 'mcp-sessiongen[{extra}]'"


def test_a_schema_in_the_database_has_a_name() -> None:
    with pytest.raises(StoreUrlError, match="schema is the name of a schema in the database; got 5"):
        open_store("postgresql://host/db", schema=5)


@pytest.mark.parametrize(
    ("module", "package", "extra"), [("keyvalue", "key_value", "kv"), ("encrypted", "cryptography", "encryption")]
)
def test_stores_that_have_no_url_say_which_packages_they_need(
    module: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = f"mcp_sessions.stores.{module}"
    for name in [name for name in sys.modules if name == ours or name.startswith((f"{ours}.", f"{package}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"need .* package.*: pip install 'mcp-sessiongen\[{extra}\]'$"):
        importlib.import_module(ours)


async def test_a_postgresql_url_takes_options_of_the_stores_and_of_libpqs(postgres: PostgresServer) -> None:
    url = f"{postgres.url}&schema=its%20own&connections=2&timeout=30s&connect_timeout=5&create=true"
    store = open_store(url, clock=lambda: 5.0)
    assert (await store.create(ACCESS, Lifetime(60.0))).created == 5.0
    await store.aclose()
    assert postgres.run('SELECT count(*) FROM "its own".sessions') == [(1,)]
    postgres.run('DROP SCHEMA "its own" CASCADE')


def test_without_a_url_the_environment_names_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_SESSIONS_STORE", "memory://")
    assert isinstance(open_store(), MemoryStore)
    monkeypatch.setenv("MCP_SESSIONS_STORE", "mysql://me:hunter2@host/db")
    with pytest.raises(StoreUrlError, match=re.escape("'mysql://***@host/db' (from MCP_SESSIONS_STORE); write memory")):
        open_store()
    for nothing in (lambda: monkeypatch.setenv("MCP_SESSIONS_STORE", ""), lambda: monkeypatch.undo()):
        nothing()
        with pytest.raises(StoreUrlError, match="no store URL was given, and MCP_SESSIONS_STORE is not set; write "):
            open_store()


class TheirStore(MemoryStore):
    """A store that another package brings."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(**options)
        self.url = url


def install(monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, *lines: str) -> None:
    """Put the metadata of another package where Python looks for it."""
    metadata = folder / name / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[mcp_sessions.stores]", *lines]))
    monkeypatch.syspath_prepend(folder / name)


def no_store(url: str) -> None:
    """Open nothing."""


NUMBER = 5


async def test_other_packages_bring_stores_by_an_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, tmp_path, "theirs", f"theirs = {__name__}:TheirStore", "sqlite = nowhere:Nothing")
    store = open_store("theirs://host/1?x=2", clock=lambda: 5.0)
    assert isinstance(store, TheirStore)
    assert store.url == "theirs://host/1?x=2"
    assert (await store.create(ACCESS, Lifetime(60.0))).created == 5.0
    own = open_store(f"sqlite:///{tmp_path}/s.db")
    assert isinstance(own, SQLiteStore), "nobody takes the place of one of ours"
    await own.aclose()


def test_stores_of_other_packages_that_cannot_be_opened_say_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, tmp_path, "broken", "broken = nowhere_to_be_found:Store", f"both = {__name__}:TheirStore")
    with pytest.raises(
        StoreUrlError,
        match=r"^the store for broken://, nowhere_to_be_found:Store, cannot be loaded: ModuleNotFoundError: [^\n]*$",
    ):
        open_store("broken://me:hunter2@host")
    install(monkeypatch, tmp_path, "odd", f"none = {__name__}:no_store", f"number = {__name__}:NUMBER")
    with pytest.raises(StoreUrlError, match=r"the store for none:// is none: its entry point returned NoneType"):
        open_store("none://host")
    with pytest.raises(StoreUrlError, match=r"number://, tests.*:NUMBER, is nothing that can be called"):
        open_store("number://host")
    install(monkeypatch, tmp_path, "other", "both = elsewhere:Store")
    with pytest.raises(StoreUrlError, match="two packages have stores for both://: elsewhere:Store and tests"):
        open_store("both://host")
