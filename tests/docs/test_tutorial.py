"""The tutorial works: every file is written and every command run, in order, and each prints what is shown."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import checks
from tests.docs.reader import Reader


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    folder = tmp_path / "expenses"
    folder.mkdir()
    made = Reader(folder)
    yield made
    made.leave()


@checks("tutorial.md")
def test_a_reader_gets_from_nothing_to_a_second_release(reader: Reader) -> None:
    reader.follow("tutorial.md")
