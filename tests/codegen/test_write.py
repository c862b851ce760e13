"""Writing: all files or none, whatever fails, and nothing that is not ours is replaced."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mcp_sessiongen.diagnostics import SchemaErrors
from mcp_sessiongen.manifest import Manifest
from mcp_sessiongen.output import HEADER, inspect_output
from mcp_sessiongen.write import write_files

OURS = HEADER + "\n"
FilesIn = Callable[[Path], dict[str, str]]


def write(output: Path, files: dict[str, str]) -> None:
    write_files(inspect_output(output, files, Manifest()))


def test_a_failure_half_way_puts_everything_back(
    tmp_path: Path, files_in: FilesIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {"a.py": OURS + "1", "b.py": OURS + "1"})
    before = files_in(tmp_path)
    original = Path.replace

    def failing(self: Path, target: Path) -> Path:
        if target.name == "c.py":
            raise OSError(28, "No space left on device", str(target))
        return original(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(SchemaErrors, match="No space left on device"):
        write(tmp_path, {"a.py": OURS + "2", "b.py": OURS + "2", "c.py": OURS + "2"})
    assert files_in(tmp_path) == before


def test_a_failure_before_the_first_file_leaves_no_folder_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object, **__: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied", "out")

    monkeypatch.setattr("tempfile.mkstemp", failing)
    with pytest.raises(SchemaErrors, match="Permission denied"):
        write(tmp_path / "deep" / "out", {"a.py": OURS})
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, {"a.py": OURS})
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_file_stops_everything(tmp_path: Path, files_in: FilesIn) -> None:
    (tmp_path / "b.py").write_text("mine")
    with pytest.raises(SchemaErrors, match="not-ours"):
        write(tmp_path, {"a.py": OURS, "b.py": OURS})
    assert files_in(tmp_path) == {"b.py": "mine"}


def test_a_link_is_not_followed_nor_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.py").write_text(OURS)
    output = tmp_path / "out"
    output.mkdir()
    (output / "a.py").symlink_to(tmp_path / "elsewhere.py")
    with pytest.raises(SchemaErrors, match="not-ours"):
        write(output, {"a.py": OURS + "2"})
    assert (tmp_path / "elsewhere.py").read_text() == OURS


def test_files_keep_their_mode_and_new_ones_get_the_usual(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OURS + "1"})
    mask = os.umask(0)
    os.umask(mask)
    assert (tmp_path / "a.py").stat().st_mode & 0o777 == 0o666 & ~mask
    (tmp_path / "a.py").chmod(0o640)
    write(tmp_path, {"a.py": OURS + "2"})
    assert (tmp_path / "a.py").stat().st_mode & 0o777 == 0o640


def test_lines_end_as_they_were_rendered_on_every_system(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": OURS + "1\n"})
    assert (tmp_path / "a.py").read_bytes() == OURS.encode() + b"1\n"


def test_what_a_run_that_was_killed_left_behind_is_removed_an_hour_later(tmp_path: Path) -> None:
    for name, age in ((".mcp-sessiongen.old.tmp", 4000), (".mcp-sessiongen.new.tmp", 0), ("mine.tmp", 4000)):
        (tmp_path / name).write_text("")
        then = (tmp_path / name).stat().st_mtime - age
        os.utime(tmp_path / name, (then, then))
    (tmp_path / ".mcp-sessiongen.folder.tmp").mkdir()
    write(tmp_path, {"a.py": OURS})
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {".mcp-sessiongen.new.tmp", "mine.tmp", ".mcp-sessiongen.folder.tmp", "a.py"}
