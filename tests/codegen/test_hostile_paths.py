"""Paths that a system refuses, takes for one another, or leads in a circle: nothing is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

SCHEMA = "sessiongen: 1\nsessions: {cart: {keys: {a: int}}}\n"
LONG = "a" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ("generate", "cart.yaml", "-o", LONG),
        ("check", "cart.yaml", "-o", LONG),
        ("export", "cart.yaml", "-f", "yaml", "-o", LONG),
        ("init", LONG),
    ],
)
def test_a_name_that_is_too_long_is_a_finding(arguments: tuple[str, ...], project: Path, run: Run) -> None:
    (project / "cart.yaml").write_text(SCHEMA)
    outcome = run(*arguments)
    assert outcome.code == 2
    assert "error[write-failed]: the system refuses: File name too long" in outcome.err
    assert "internal error" not in outcome.text
    assert [path.name for path in project.iterdir()] == ["cart.yaml"]


def test_modules_whose_names_differ_by_case_only_are_refused(project: Path, run: Run) -> None:
    """Some file systems do not tell them apart: one would replace the other."""
    for folder, name in (("one", "Cart.yaml"), ("two", "cart.yaml")):
        (project / folder).mkdir()
        (project / folder / name).write_text(SCHEMA)
    outcome = run("generate", "one", "two", "-o", "out")
    assert outcome.code == 2
    assert "two/cart.yaml:1:1: error[duplicate-output]: one/Cart.yaml and two/cart.yaml would both" in outcome.err


def test_a_schema_whose_name_changes_by_case_only_keeps_its_module(project: Path, run: Run) -> None:
    """As on a file system that takes both names for one; here the one file has two names."""
    (project / "Cart.yaml").write_text(SCHEMA)
    assert run("generate", "Cart.yaml", "-o", "out").code == 0
    (project / "Cart.yaml").rename(project / "cart.yaml")
    (project / "out" / "cart.py").hardlink_to(project / "out" / "Cart.py")
    outcome = run("generate", "cart.yaml", "-o", "out")
    assert outcome.code == 0
    assert "removed" not in outcome.out
    assert (project / "out" / "cart.py").exists()
    assert run("check", "cart.yaml", "-o", "out").code == 0


@pytest.mark.parametrize("form", ["ir", "json-schema", "yaml", "pydantic"])
def test_a_schema_is_not_exported_over_itself(form: str, project: Path, run: Run) -> None:
    (project / "cart.yaml").write_text(f"# A comment.\n{SCHEMA}")
    (project / "link.yaml").symlink_to("cart.yaml")
    for output in ("cart.yaml", "link.yaml", "../" + project.name + "/cart.yaml"):
        outcome = run("export", "cart.yaml", "-f", form, "-o", output)
        assert outcome.code == 2
        assert "'cart.yaml' is the schema itself" in outcome.err
    assert (project / "cart.yaml").read_text() == f"# A comment.\n{SCHEMA}"
    assert run("export", "cart.yaml", "-f", form, "-o", "").code == 2


def test_a_link_in_a_circle_can_be_exported_over(project: Path, run: Run) -> None:
    (project / "cart.yaml").write_text(SCHEMA)
    (project / "circle").symlink_to("circle")
    assert run("export", "cart.yaml", "-f", "yaml", "-o", "circle").code == 0
    assert "cart:" in (project / "circle").read_text()


def test_a_file_whose_name_is_no_text_does_not_end_the_watch(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mcp_sessiongen import watching

    ends = iter([RuntimeError('Unable to decode path "x\\xFF" to string'), KeyboardInterrupt()])

    def changes(*_: object, **__: object) -> None:
        raise next(ends)

    monkeypatch.setattr(watching, "changes_in", changes)
    watching.watch(("schemas",), project / "out", "text", lambda *_, **__: None)
    assert list(ends) == []
