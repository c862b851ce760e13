"""The same input gives the same bytes, wherever and however the compiler runs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"
YAML = ("everything", "both-forms-yaml", "recursive-types", "several-sessions")
FORMS = ("ir", "json-schema", "yaml", "pydantic")

DRIVER = """
import sys
from mcp_sessiongen.cli import main
for line in sys.stdin.read().splitlines():
    try:
        main(line.split())
    except SystemExit as ended:
        assert not ended.code, line
"""


def project_at(folder: Path, names: tuple[str, ...]) -> Path:
    """Make a project with a folder of YAML schemas, created in the order given, and a Python schema."""
    (folder / "schemas").mkdir(parents=True)
    for name in names:
        shutil.copyfile(GOLDEN / name / "schema.yaml", folder / "schemas" / f"{name.replace('-', '_')}.yaml")
    shutil.copyfile(GOLDEN / "both-forms-pydantic" / "schema.py", folder / "cart.py")
    return folder


def written(project: Path, environment: dict[str, str], *options: str) -> dict[str, bytes]:
    """Run everything that writes something, and return what was written."""
    sources = ["cart.py", *(f"schemas/{name.replace('-', '_')}.yaml" for name in YAML)]
    lines = ["generate cart.py schemas -o out -q", "check cart.py schemas -o out -q"]
    lines += [
        f"export {source} --format {form} -o out/{Path(source).stem}.{form}" for source in sources for form in FORMS
    ]
    command = [sys.executable, *options, "-c", DRIVER]
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONHASH"))
    }
    done = subprocess.run(
        command,
        input="\n".join(lines),
        cwd=project,
        env={**inherited, **environment},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {path.name: path.read_bytes() for path in sorted((project / "out").iterdir()) if path.is_file()}


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"PYTHONHASHSEED": "1", "LC_ALL": "C", "PYTHONUTF8": "0"}, ()),
        ({"PYTHONHASHSEED": "4294967295", "LC_ALL": "tr_TR.UTF-8", "TZ": "Asia/Tokyo"}, ("-O",)),
        ({"PYTHONHASHSEED": "0", "LANG": "de_DE.ISO-8859-1", "PYTHONIOENCODING": "latin-1"}, ("-X", "utf8=0")),
    ],
    ids=["C locale", "Turkish, optimised", "Latin-1"],
)
def test_hash_seed_locale_folder_and_order_make_no_difference(
    tmp_path: Path, environment: dict[str, str], options: tuple[str, ...]
) -> None:
    usual = written(project_at(tmp_path / "one", YAML), {})
    other = written(project_at(tmp_path / "two" / "ünd" / "deeper", YAML[::-1]), environment, *options)
    assert len(usual) >= len(YAML) + 1 + 4 * (len(YAML) + 1)
    assert other == usual
