"""What the README and docs say of speed is what was measured."""

import runpy
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def quotes(repository: Path) -> dict[str, Any]:
    return runpy.run_path(str(repository / "benchmarks" / "quotes.py"))


def test_every_row_that_is_quoted_is_one_of_the_results(quotes: dict[str, Any]) -> None:
    results = quotes["RESULTS"].read_text(encoding="utf-8")
    for path in quotes["QUOTING"]:
        text = path.read_text(encoding="utf-8")
        assert sum(line in results.splitlines() for line in text.splitlines() if line.startswith("| ")) > 3
        assert quotes["quoted"](text, results) == text


def test_a_row_that_changed_is_replaced_and_one_that_is_gone_is_noticed(quotes: dict[str, Any]) -> None:
    head = "| node | operations | share |\n| --- | --- | --- |\n"
    results = f"# Found\n\n{head}| 1 | 10 | 50% |\n| 2 | 10 | 50% |\n\nThe end.\n"
    assert quotes["quoted"](f"{head}| 2 | 7 | 70% |\n", results) == f"{head}| 2 | 10 | 50% |\n"
    assert quotes["quoted"]("| another | table |\n| 1 | 2 |\n", results) == "| another | table |\n| 1 | 2 |\n"
    with pytest.raises(KeyError):
        quotes["quoted"](f"{head}| 3 | 7 | 70% |\n", results)
