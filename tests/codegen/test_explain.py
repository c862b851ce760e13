"""`explain`: each code has its page, and each example in it does what it says."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessiongen.explanations import ALL_CODES, EXAMPLES

Run: TypeAlias = Callable[..., Any]


@pytest.mark.parametrize("code", ALL_CODES)
def test_every_code_has_its_page(code: str, run: Run) -> None:
    outcome = run("explain", code)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{code}\n\n")
    assert max(map(len, outcome.out.splitlines())) <= 100


@pytest.mark.parametrize("code", EXAMPLES)
def test_the_wrong_example_has_that_finding_and_the_right_one_has_none(code: str, project: Path, run: Run) -> None:
    command = ("lint", "schema.yaml", "--select", code) if code.startswith("lint-") else ("lint", "schema.yaml")
    (project / "schema.yaml").write_text(EXAMPLES[code].wrong)
    outcome = run(*command)
    assert outcome.code == (1 if code.startswith("lint-") else 2)
    assert f"[{code}]: " in outcome.text
    (project / "schema.yaml").write_text(EXAMPLES[code].right)
    outcome = run(*command)
    assert outcome.code == (0 if code.startswith("lint-") else outcome.out != "no warnings\n"), outcome.text


def test_without_a_code_all_are_listed(run: Run) -> None:
    outcome = run("explain")
    assert outcome.code == 0
    assert {line.split()[0] for line in outcome.out.splitlines()} == set(ALL_CODES)
    assert max(map(len, outcome.out.splitlines())) <= 120


def test_an_unknown_code_is_wrong_usage(run: Run) -> None:
    outcome = run("explain", "unknown-tpe")
    assert outcome.code == 2
    assert "did you mean 'unknown-type'?" in outcome.err
