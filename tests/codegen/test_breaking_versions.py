"""`breaking` and versions: its hints can be followed, and lead to what they say."""

import asyncio
import re
import shlex
import shutil
from collections.abc import Callable
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessions import SessionDataError, SessionMigrationError, SessionVersionError
from mcp_sessions.stores.memory import MemoryStore

Run: TypeAlias = Callable[..., Any]

HEAD = "sessiongen: 1\nsessions:\n  cart:\n"
FUNCTION = """from typing import Any


def cart_v2(old: Any) -> Any:
    from new.cart import CartV2State

    return CartV2State(size=str(old.size)) if "size" in old.model_fields_set else CartV2State()
"""


class Versions:
    """A schema as it was released, and as it is."""

    def __init__(self, run: Run) -> None:
        self.run = run

    def release(self, text: str) -> None:
        Path("released").mkdir(exist_ok=True)
        Path("released/cart.yaml").write_text(HEAD + text)

    def write(self, text: str) -> None:
        Path("cart.yaml").write_text(HEAD + text)

    def edit(self, old: str, new: str) -> None:
        text = Path("cart.yaml").read_text()
        assert old in text
        Path("cart.yaml").write_text(text.replace(old, new))

    def found(self, *categories: str) -> dict[str, str]:
        """Return the hints of the findings of some categories, by code."""
        outcome = self.run("breaking", "cart.yaml", "--against", "released", "--select", ",".join(categories))
        assert outcome.code < 2, outcome.err
        return dict(re.findall(r"error\[breaking-([a-z-]+)\].*?= help: (.*?)\n", outcome.out, re.DOTALL))

    def follow(self, hint: str) -> str:
        """Run the command that a hint ends with."""
        command = re.search(r"mcp-sessiongen (migration new .*)$", hint)
        assert command, hint
        outcome = self.run(*shlex.split(command[1]), "-o", "new")
        assert outcome.code == 0, outcome.err
        return str(outcome.out)

    def modules(self) -> tuple[Any, Any]:
        """Return the accessors of both: of the released one, and of the present one."""
        for source, folder in (("released/cart.yaml", "old"), ("cart.yaml", "new")):
            outcome = self.run("generate", source, "-o", folder)
            assert outcome.code == 0, outcome.err
        invalidate_caches()
        return import_module("old.cart").CartSession, import_module("new.cart").CartSession


@pytest.fixture
def versions(run: Run, project: Path, monkeypatch: pytest.MonkeyPatch) -> Versions:
    monkeypatch.syspath_prepend(str(project))
    return Versions(run)


async def stored(store: MemoryStore, accessor: Any, **values: object) -> Any:
    begun = await accessor.create(store)
    for name, value in values.items():
        await begun.set(name, value)
    return begun


# --- keys that are moved or dropped ---------------------------------------------------------------------------------


def test_a_renamed_key_needs_a_version_and_then_is_moved(versions: Versions) -> None:
    versions.release("    keys: {locale: str, size: int}\n")
    versions.write("    version: 1\n    keys: {language: {type: str, renamed_from: locale}, size: int}\n")
    assert versions.found("data", "policy") == {
        "key-renamed": "write  version: 2",
        "version-not-raised": "write  version: 2",
    }
    versions.edit("version: 1", "version: 2")
    assert versions.found("data", "policy") == {}
    old, new = versions.modules()

    async def moves() -> None:
        store = MemoryStore()
        begun = await stored(store, old, locale="de", size=3)
        used = new.open(store, begun.id)
        assert (await used.get_language(), await used.get_size()) == ("de", 3)
        with pytest.raises(SessionVersionError):
            await begun.get_size()

    asyncio.run(moves())


def test_a_renamed_key_must_fit_its_new_type_too(versions: Versions) -> None:
    versions.release("    keys: {size: int}\n")
    versions.write("    version: 2\n    keys: {width: {type: str, renamed_from: size}}\n")
    assert set(versions.found("data")) == {"type-changed"}
    old, new = versions.modules()

    async def does_not_fit() -> None:
        store = MemoryStore()
        begun = await stored(store, old, size=3)
        with pytest.raises(SessionMigrationError, match="does not fit version 2"):
            await new.open(store, begun.id).get_width()
        assert await begun.get_size() == 3

    asyncio.run(does_not_fit())


@pytest.mark.parametrize(("kind", "found"), [("str", {"key-renamed"}), ("int", {"key-renamed", "type-changed"})])
def test_a_key_that_takes_the_values_of_another_one_has_to_read_both(
    kind: str, found: set[str], versions: Versions
) -> None:
    versions.release(f"    keys: {{locale: {kind}, language: str}}\n")
    versions.write("    version: 2\n    keys: {language: {type: str, renamed_from: locale}}\n")
    assert set(versions.found("data")) == found
    old, new = versions.modules()

    async def read(**values: object) -> object:
        store = MemoryStore()
        begun = await stored(store, old, **values)
        return await new.open(store, begun.id).get_language()

    if kind == "str":
        assert asyncio.run(read(locale="de")) == "de"
        assert asyncio.run(read(locale="de", language="en")) == "en"  # and the other is never read again
        assert asyncio.run(read(locale="de", language="fr")) == "fr"
    else:
        with pytest.raises(SessionMigrationError):
            asyncio.run(read(locale=3))


def test_a_key_that_is_gone_is_no_finding_once_its_name_is_reserved(versions: Versions) -> None:
    versions.release("    keys: {title: str, locale: str}\n")
    versions.write("    version: 1\n    keys: {title: str}\n")
    assert "add it to the list:  reserved: [locale]" in versions.found("data")["key-removed"]
    versions.edit("    keys", "    reserved: [locale]\n    keys")
    assert versions.found("data", "policy") == {"version-not-raised": "write  version: 2"}
    versions.edit("version: 1", "version: 2")
    assert versions.found("data", "policy") == {}


@pytest.mark.parametrize("known", [True, False])
def test_a_key_that_was_renamed_twice_is_moved_if_the_version_between_is_known(known: bool, versions: Versions) -> None:
    versions.release("    keys: {a: str}\n")
    versions.write("    version: 3\n    keys: {c: {type: str, renamed_from: b}}\n")
    if known:
        Path("history").mkdir()
        between = "    version: 2\n    keys: {b: {type: str, renamed_from: a}}\n"
        Path("history/cart.v2.yaml").write_text(HEAD + between)
    assert set(versions.found("data")) == (set() if known else {"key-removed"})
    old, new = versions.modules()

    async def reads() -> object:
        store = MemoryStore()
        begun = await stored(store, old, a="x")
        return await new.open(store, begun.id).get_c()

    assert asyncio.run(reads()) == ("x" if known else None)


# --- functions ------------------------------------------------------------------------------------------------------


def test_a_function_takes_care_of_stored_data(versions: Versions) -> None:
    versions.release("    keys: {size: int}\n")
    versions.write("    keys: {size: str}\n")
    hint = versions.found("data")["type-changed"]
    assert "write  version: 2  and begin a migration function" in hint
    versions.edit("    keys", "    version: 2\n    keys")
    said = versions.follow(versions.found("data")["type-changed"])
    assert 'migrations: [{to: 2, call: "app.migrations:cart_v2"}]' in said
    versions.edit("    keys", '    migrations: [{to: 2, call: "app.migrations:cart_v2"}]\n    keys')
    assert versions.found("data", "policy") == {}
    Path("app").mkdir()
    Path("app/__init__.py").touch()
    Path("app/migrations.py").write_text(FUNCTION)
    old, new = versions.modules()

    async def migrates() -> None:
        store = MemoryStore()
        begun = await stored(store, old, size=3)
        assert await new.open(store, begun.id).get_size() == "3"
        with pytest.raises(SessionVersionError):
            await begun.get_size()

    asyncio.run(migrates())
    assert "in two steps" in versions.found("servers")["session-refused"]


@pytest.mark.parametrize(("known", "found"), [("{size: str}", {"type-changed"}), ("{size: int}", set()), ("", set())])
def test_after_a_function_the_version_that_it_leads_to_is_what_is_compared(
    known: str, found: set[str], versions: Versions
) -> None:
    versions.release("    keys: {width: str}\n")
    function = '    migrations: [{to: 2, call: "app.migrations:cart_v2"}]\n'
    versions.write(f"    version: 3\n{function}    keys: {{size: int}}\n")
    if known:
        Path("history").mkdir()
        Path("history/cart.v2.yaml").write_text(f"{HEAD}    version: 2\n    keys: {known}\n")
    hints = versions.found("data")
    assert set(hints) == found
    assert all(hint.endswith("or declare a migration function") for hint in hints.values())


# --- servers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_known", [True, False])
def test_versions_that_get_along_do_so_once_it_is_known(is_known: bool, versions: Versions) -> None:
    versions.release("    keys: {title: str}\n")
    versions.write("    version: 2\n    keys: {title: str, size: int}\n")
    hint = versions.found("servers")["session-refused"]
    assert hint == "write it:  mcp-sessiongen migration new cart cart.yaml --against released"
    if is_known:
        versions.follow(hint)
    assert set(versions.found("data", "servers")) == (set() if is_known else {"session-refused"})
    old, new = versions.modules()

    async def shares() -> None:
        store = MemoryStore()
        begun = await stored(store, new, title="a")
        used = old.open(store, begun.id)
        if is_known:
            assert await used.get_title() == "a"
            await used.set_title("b")
            assert await begun.get_title() == "b"
        else:
            with pytest.raises(SessionVersionError):
                await used.get_title()

    asyncio.run(shares())


def test_a_version_that_was_left_out_is_to_be_the_next_one(versions: Versions) -> None:
    versions.release("    keys: {title: str}\n")
    versions.write("    version: 4\n    keys: {title: str, size: int}\n")
    hint = versions.found("servers")["session-refused"]
    assert hint == "write  version: 2  and run  mcp-sessiongen migration new cart"
    versions.edit("version: 4", "version: 2")
    versions.follow(versions.found("servers")["session-refused"])
    assert versions.found("servers") == {}


def test_versions_between_have_to_be_known_too(versions: Versions) -> None:
    versions.release("    keys: {title: str}\n")
    versions.write("    version: 3\n    keys: {title: str, size: int}\n")
    Path("history").mkdir()
    Path("history/cart.v2.yaml").write_text(f"{HEAD}    version: 2\n    keys: {{title: str}}\n")
    hint = versions.found("servers")["session-refused"]
    assert hint == "write it, and each version after it that is not in history/, as they were"
    shutil.copyfile("released/cart.yaml", "history/cart.v1.yaml")
    assert versions.found("servers") == {}
    Path("history/cart.v2.yaml").write_text(f"{HEAD}    version: 2\n    keys: {{title: bytes}}\n")
    assert "in two steps" in versions.found("servers")["session-refused"]


def test_a_history_that_is_not_what_was_released_is_to_be_written_anew(versions: Versions) -> None:
    versions.release("    keys: {title: str}\n")
    versions.write("    version: 2\n    keys: {title: str, size: int}\n")
    Path("history").mkdir()
    Path("history/cart.v1.yaml").write_text(f"{HEAD}    keys: {{title: bytes}}\n")
    hint = versions.found("servers")["session-refused"]
    assert hint.startswith("remove that file, then run  ")
    Path("history/cart.v1.yaml").unlink()
    versions.follow(hint)
    assert versions.found("servers") == {}


def test_a_history_that_hides_a_rename_is_said_to(versions: Versions) -> None:
    """What is known then says that the versions get along, and so nothing is moved."""
    versions.release("    keys: {title: str, locale: str}\n")
    versions.write("    version: 2\n    keys: {title: str, language: {type: str, renamed_from: locale}}\n")
    Path("history").mkdir()
    Path("history/cart.v1.yaml").write_text(f"{HEAD}    keys: {{title: str}}\n")
    hint = versions.found("data")["key-renamed"]
    assert hint == "write history/cart.v1.yaml anew: it is not what was released"
    shutil.copyfile("released/cart.yaml", "history/cart.v1.yaml")
    assert versions.found("data") == {}


@pytest.mark.parametrize(
    ("before", "after", "is_shared"), [("auto", "handle", True), ("auto", "user", False), ("user", "handle", False)]
)
def test_sessions_that_are_not_found_are_not_refused(
    before: str, after: str, is_shared: bool, versions: Versions
) -> None:
    versions.release(f"    scope: {before}\n    keys: {{title: str}}\n")
    versions.write(f"    version: 2\n    scope: {after}\n    keys: {{title: str}}\n")
    assert set(versions.found("data", "servers")) == {"scope-changed"} | ({"session-refused"} if is_shared else set())


@pytest.mark.parametrize(("version", "found"), [(1, {"type-widened"}), (2, {"session-refused"})])
def test_of_a_class_of_the_user_s_nobody_knows_what_it_accepts(
    version: int, found: set[str], versions: Versions, project: Path
) -> None:
    text = """from mcp_sessions import SessionModel
from pydantic import field_validator


class Cart(SessionModel, version=1):
    title: str = ""

    @field_validator("title")
    @classmethod
    def strip(cls, value: str | None) -> str | None:
        return value and value.strip()
"""
    Path("released").mkdir()
    Path("released/carts.py").write_text(text)
    Path("carts.py").write_text(
        text.replace("version=1", f"version={version}").replace('str = ""', "str | None = None")
    )
    outcome = versions.run("breaking", "carts.py", "--against", "released", "--select", "data,servers")
    told = set(re.findall(r"error\[breaking-([a-z-]+)\]", outcome.out))
    assert told == found | {"model-changed"}


def test_a_function_without_the_version_that_it_takes_does_not_stop_a_comparison(versions: Versions) -> None:
    versions.release("    keys: {size: int}\n")
    versions.write('    version: 2\n    migrations: [{to: 2, call: "app:cart_v2"}]\n    keys: {size: str}\n')
    assert versions.run("generate", "cart.yaml", "-o", "new").code == 2
    assert versions.found("data") == {}
    assert versions.run("breaking", "cart.yaml", "--write").code == 0


def test_a_history_that_does_not_compile_is_an_error(versions: Versions) -> None:
    versions.release("    keys: {size: int}\n")
    versions.write("    version: 2\n    keys: {size: int}\n")
    Path("history").mkdir()
    Path("history/cart.v1.yaml").write_text(f"{HEAD}    keys: {{size: itn}}\n")
    outcome = versions.run("breaking", "cart.yaml", "--against", "released")
    assert outcome.code == 2
    assert "history/cart.v1.yaml:4:18: error[unknown-type]" in outcome.err


def test_a_version_may_be_a_date(versions: Versions) -> None:
    """However many versions there may have been before."""
    versions.release("    version: 20250101\n    keys: {size: int}\n")
    versions.write("    version: 2147483646\n    keys: {size: int}\n")
    assert set(versions.found("data", "servers")) == {"session-refused"}
    versions.modules()


# --- a raised version without a function ----------------------------------------------------------------------------


@pytest.mark.parametrize(("version", "error"), [(1, SessionDataError), (2, SessionMigrationError)])
@pytest.mark.parametrize(
    ("before", "after", "value", "code"),
    [
        ("int", "str", 5, "type-changed"),
        ("str", "{type: str, max_length: 3}", "abcd", "constraint-tightened"),
        ("\"Literal['a', 'b']\"", "\"Literal['a']\"", "b", "value-removed"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_version_raised_or_not(
    before: str, after: str, value: object, code: str, version: int, error: type[Exception], versions: Versions
) -> None:
    versions.release(f"    keys: {{value: {before}}}\n")
    versions.write(f"    version: {version}\n    keys: {{value: {after}}}\n")
    assert code in versions.found("data")
    assert ("session-refused" in versions.found("servers")) == (version == 2)
    old, new = versions.modules()

    async def is_refused() -> None:
        store = MemoryStore()
        begun = await stored(store, old, value=value)
        with pytest.raises(error):
            await new.open(store, begun.id).get_value()
        assert await begun.get_value() == value

    asyncio.run(is_refused())
