"""`migration new` begins a migration, and `migrate` does all of them; both as a user runs them."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from mcp_sessions.stores import Access, Address, Lifetime, SQLiteStore

SETTINGS = '[tool.mcp-sessiongen]\nsources = ["schemas"]\noutput = "state"\n'
BEFORE = """
sessiongen: 1
types:
  Item: {fields: {sku: str, qty: int = 1}}
sessions:
  cart:
    keys:
      items: list[Item] = []
      language: str
      total: float = 0.0
      junk: str
"""
AFTER = """
sessiongen: 1
types:
  Item: {fields: {sku: str, qty: int = 1}}
sessions:
  cart:
    version: 2
    reserved: [junk]
    migrations: [{to: 2, call: app.migrations:cart_v2}]
    keys:
      items: list[Item] = []
      locale: {type: str, renamed_from: language}
      total: Decimal = "0"
      note: str
"""
WITHOUT = AFTER.replace("    migrations: [{to: 2, call: app.migrations:cart_v2}]\n", "")

SKIPPED = WITHOUT.replace("version: 2", "version: 3")


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A project whose first version is committed, and whose second is in the making."""
    (tmp_path / "schemas").mkdir()
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").touch()
    (tmp_path / "pyproject.toml").write_text(SETTINGS)
    schema = tmp_path / "schemas/cart.yaml"
    schema.write_text(BEFORE)
    sessiongen(tmp_path, "generate")
    for line in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "one")):
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *line], cwd=tmp_path, check=True, capture_output=True)
    schema.write_text(AFTER)
    return tmp_path


def sessiongen(folder: Path, *arguments: str, expect: int = 0) -> str:
    done = subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "mcp_sessiongen", *arguments]


def files(folder: Path) -> dict[str, str]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    kept = (path for path in paths if not {"__pycache__", ".mypy_cache"} & set(path.parts))
    return {str(path.relative_to(folder)): path.read_text() for path in kept}


def complete(folder: Path) -> None:
    """Do with the function what it asks for."""
    module = folder / "app/migrations.py"
    lines = [line for line in module.read_text().splitlines() if "NotImplementedError" not in line]
    module.write_text("\n".join(lines) + "\n")


def new(folder: Path, *arguments: str, expect: int = 0) -> str:
    return sessiongen(folder, "migration", "new", "cart", "--against", "git:HEAD", *arguments, expect=expect)


def test_a_migration_begins_with_the_version_before_a_function_and_a_test(released: Path) -> None:
    before = files(released)
    said = new(released)
    made = {name: text for name, text in files(released).items() if before.get(name) != text}
    assert sorted(made) == ["app/migrations.py", "schemas/history/cart.v1.yaml", "tests/test_cart_v2.py"]
    assert all(name in said for name in made)
    assert "language: str" in made["schemas/history/cart.v1.yaml"]
    assert "        items=old.items,\n        locale=old.language,\n" in made["app/migrations.py"]
    assert "# total: total was float, and it is Decimal" in made["app/migrations.py"]
    sessiongen(released, "generate")
    unfinished = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    done = subprocess.run(unfinished, cwd=released, capture_output=True, text=True, check=False)
    assert "failed with NotImplementedError" in done.stdout
    complete(released)
    for line in (["pytest", "-q", "-p", "no:cacheprovider", "tests"], ["mypy", "--strict", "app", "state", "tests"]):
        done = subprocess.run([sys.executable, "-m", *line], cwd=released, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "all is there already" in new(released)
    assert files(released).keys() - before.keys() == made.keys()


def test_a_function_is_added_to_a_module_that_is_there(released: Path) -> None:
    module = released / "app/migrations.py"
    module.write_text('"""Ours."""\n\n\ndef other() -> None:\n    pass\n')
    new(released)
    sessiongen(released, "generate")
    text = module.read_text()
    assert text.startswith('"""Ours."""\n\n\ndef other() -> None:\n    pass\n')
    assert "def cart_v2(old: CartV1State) -> CartV2State:" in text
    done = subprocess.run([sys.executable, "-c", "import app.migrations"], cwd=released, check=False)
    assert done.returncode == 0


def test_without_a_function_only_the_version_before_is_written(released: Path) -> None:
    (released / "schemas/cart.yaml").write_text(WITHOUT)
    said = new(released)
    assert 'migrations: [{to: 2, call: "app.migrations:cart_v2"}]' in said
    assert not (released / "app/migrations.py").exists()
    assert (released / "schemas/history/cart.v1.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "schema", "says"),
    [
        (("migration", "new", "crt", "--against", "git:HEAD"), AFTER, "did you mean 'cart'?"),
        (("migration", "new", "cart", "--against", "git:nowhere"), AFTER, "error[bad-baseline]"),
        (("migration", "new", "cart"), AFTER, "error[no-baseline]"),
        (("migration", "new", "cart", "--against", "git:HEAD"), AFTER.replace("version: 2", "version: 1"), "error["),
        (("migration", "new", "cart", "--against", "git:HEAD"), BEFORE, "write  version: 2"),
        (
            ("migration", "new", "cart", "--against", "git:HEAD"),
            WITHOUT.replace("version: 2", "version: 3"),
            "version: 2",
        ),
    ],
)
def test_what_cannot_be_begun_is_said_and_nothing_is_written(
    released: Path, arguments: tuple[str, ...], schema: str, says: str
) -> None:
    (released / "schemas/cart.yaml").write_text(schema)
    before = files(released)
    assert says in sessiongen(released, *arguments, expect=2)
    assert files(released) == before


# All sessions of a store


@pytest.fixture
def project(released: Path) -> Path:
    """The same with a migration that works, and ten sessions of version 1, the last of which cannot be migrated."""
    new(released)
    sessiongen(released, "generate")
    complete(released)
    module = released / "app/migrations.py"
    module.write_text(module.read_text().replace("locale=old.language,", "locale=old.language.upper() or None,"))
    asyncio.run(fill(released / "s.db", 10))
    return released


async def fill(path: Path, count: int) -> None:
    store = SQLiteStore(path)
    for number in range(count):
        values = {} if number == count - 1 else {"language": b'"de"'}
        access = Access(Address("handle", f"cart_{number:032}", "cart"), "me", since=1)
        await store.create(access, Lifetime(3600.0), {"items": b"[]", **values})
    await store.aclose()


def versions(path: Path) -> list[tuple[int, list[str]]]:
    async def ask() -> list[tuple[int, list[str]]]:
        store = SQLiteStore(path)
        copies = [await store.copy_out(one.address) for one in (await store.scan(limit=1000)).sessions]
        await store.aclose()
        return [(copy.version, sorted(copy.values)) for copy in copies if copy]

    return asyncio.run(ask())


def test_all_sessions_are_migrated_and_those_that_cannot_be_are_listed(project: Path) -> None:
    before = versions(project / "s.db")
    tried = sessiongen(project, "migrate", "--store", "sqlite:///s.db", "--dry-run", expect=1)
    assert "9 would be migrated" in tried
    assert versions(project / "s.db") == before
    done = sessiongen(project, "migrate", "--store", "sqlite:///s.db", expect=1)
    assert "9 migrated" in done
    assert "not migrated: cart cart... of version 1: cart: the migration to version 2" in done
    assert "failed with AttributeError" in done
    assert sorted(versions(project / "s.db")) == [(1, ["items"])] + [(2, ["items", "locale"])] * 9
    again = sessiongen(project, "migrate", "state.cart:CartSession", "--store", "sqlite:///s.db", expect=1)
    assert "0 migrated, 9 up to date" in again


def test_machines_get_a_report(project: Path) -> None:
    line = command("migrate", "state.cart", "--store", "sqlite:///s.db", "--format", "json")
    done = subprocess.run(line, cwd=project, capture_output=True, text=True, check=False)
    report: dict[str, Any] = json.loads(done.stdout)
    assert (report["migrated"], report["current"], report["dry_run"], len(report["failures"])) == (9, 0, False, 1)
    assert report["failures"][0]["version"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("state.cart",), "Missing option '--store'"),
        (("state.crt", "--store", "sqlite:///s.db"), "Cannot import state.crt: ModuleNotFoundError"),
        (("state.cart:Cart", "--store", "sqlite:///s.db"), "has no accessor Cart: there is CartSession"),
        (("state.cart", "--store", "nosql://x"), "nosql"),
        (("state.cart", "--store", "sqlite:///typo.db"), "There is no session database typo.db"),
        (("state.cart", "--store", "memory://"), "A store in memory"),
        (("state.cart", "--store", "redis://127.0.0.1:1/0"), "error: the session store at"),
    ],
)
def test_what_cannot_be_done_is_said(project: Path, arguments: tuple[str, ...], says: str) -> None:
    assert says in sessiongen(project, "migrate", *arguments, expect=2)
    assert not (project / "typo.db").exists()


def test_a_missing_function_is_said_before_anything_is_done(project: Path) -> None:
    (project / "app/migrations.py").unlink()
    before = versions(project / "s.db")
    said = sessiongen(project, "migrate", "--store", "sqlite:///s.db", expect=2)
    assert "(app.migrations:cart_v2) cannot be imported" in said
    assert versions(project / "s.db") == before


@pytest.fixture
def slow(project: Path) -> Path:
    """The same, with many sessions and a function that takes its time."""
    module = project / "app/migrations.py"
    module.write_text(
        f"import time\n{module.read_text()}".replace("    return Cart", "    time.sleep(0.02)\n    return Cart")
    )
    asyncio.run(fill(project / "many.db", 300))
    return project


def test_an_interrupted_migration_says_what_was_done_and_goes_on_later(slow: Path) -> None:
    line = command("migrate", "--store", "sqlite:///many.db", "--batch", "10")
    process = subprocess.Popen(line, cwd=slow, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(version == 2 for version, _ in versions(slow / "many.db")):
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    done = sum(version == 2 for version, _ in versions(slow / "many.db"))
    assert 0 < done < 299
    assert f"{done} migrated" in out
    assert f"{299 - done} migrated, {done} up to date" in sessiongen(
        slow, "migrate", "--store", "sqlite:///many.db", expect=1
    )
