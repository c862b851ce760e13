"""What the tests of the docs share: a reader with an empty folder, and a folder whose modules are forgotten."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs.blocks import block, sessiongen
from tests.docs.reader import Reader

OWN = ("state", "server", "migrations", "before", "before_header", "before_object")
"""Modules that pages have, which tests import one after the other."""


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    """Somebody who follows a page in an empty folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    made = Reader(folder)
    yield made
    made.leave()


@pytest.fixture
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder as the current one, from which modules are imported and then forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    known = set(sys.modules)
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] in OWN}
    yield tmp_path
    for name in set(sys.modules) - known:
        if name.partition(".")[0] in OWN:
            del sys.modules[name]
    sys.modules.update(hidden)


@pytest.fixture
def with_counter(isolated: Path) -> Path:
    """The same, with the generated module of the README's counter."""
    (isolated / "counter.yaml").write_text(block("README.md", "A counter that lives"))
    sessiongen("counter.yaml", "-o", "state", cwd=isolated)
    return isolated
