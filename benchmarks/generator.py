"""How fast the compiler is, as ratios to other things in the same run: `python benchmarks/generator.py --help`."""

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import Run, interleaved, machine, process, table
from samples import by_hand, write_json_schemas, write_yaml

REPOSITORY = Path(__file__).resolve().parent.parent
PEER = "datamodel-code-generator"
OURS = (sys.executable, "-m", "mcp_sessiongen")
KEYS = 20
_OURS = ("generate", "import")


def sections(folder: Path, options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the report."""
    schemas, rounds = options.schemas, options.rounds
    yield from ("# The compiler, measured", "", f"{machine()}; rounds: {rounds}, alternatives interleaved.", "")
    if not options.no_peer:
        yield from (f"## {schemas} schemas of {KEYS} keys, and {_version()} on the same models", "")
        yield from (*table(against_peer(folder / "peer", schemas, rounds)), "")
    yield from ("## `check` of an unchanged project, and what the imports alone take", "")
    yield from (*table(check(folder / "check", max(1, schemas // 10), rounds)), "")
    yield from ("## Time and memory by the number of schemas", "")
    yield from (*table(growth(folder / "growth", schemas, rounds)), "")
    yield from (f"## {schemas} schemas again, after all, one or none of them changed", "")
    yield from (*table(again(folder / "again", schemas, rounds)), "")
    yield from ("## Importing a generated module, and one written by hand", "")
    yield from (*table(importing(folder / "import", rounds)), "")
    yield from (f"## {options.keys} keys in one schema", "")
    yield from (*table(one_large(folder / "large", options.keys, checkers=not options.no_checkers)), "")


def against_peer(folder: Path, schemas: int, rounds: int) -> dict[str, list[Run]]:
    """Compare with the peer's modes: its own formatter, none at all, and its default, which is black and isort."""
    write_yaml(folder / "yaml", schemas, KEYS)
    write_json_schemas(folder / "json", schemas, KEYS)
    codegen: list[str | Path] = [_peer(), "--input", "json", "--input-file-type", "jsonschema", "--output", "models"]
    codegen += ["--output-model-type", "pydantic_v2.BaseModel"]
    return interleaved(
        {
            "mcp-sessiongen generate": lambda: _generate(folder),
            f"{PEER}, builtin formatter": partial(process, [*codegen, "--formatters", "builtin"], folder),
            f"{PEER}, no formatter": partial(process, [*codegen, "--no-formatters"], folder),
            f"{PEER}, default": partial(process, codegen, folder),
        },
        rounds,
    )


def check(folder: Path, schemas: int, rounds: int) -> dict[str, list[Run]]:
    """Compare a check that finds nothing with the start of Python and its libraries."""
    write_yaml(folder / "yaml", schemas, KEYS)
    _generate(folder)
    imports = [sys.executable, "-c", "import click, jinja2, pydantic, yaml"]
    return interleaved(
        {
            "import click, jinja2, pydantic, yaml": partial(process, imports, folder),
            f"check, {schemas} schemas": partial(process, [*OURS, "check", "yaml", "-o", "out"], folder),
        },
        rounds,
    )


def growth(folder: Path, schemas: int, rounds: int) -> dict[str, list[Run]]:
    """Generate a tenth, three tenths, and all."""
    sizes = sorted({max(1, schemas // 10), max(1, schemas * 3 // 10), schemas})
    for size in sizes:
        write_yaml(folder / str(size) / "yaml", size, KEYS)
    return interleaved({f"{size} schemas": partial(_generate, folder / str(size)) for size in sizes}, rounds)


def again(folder: Path, schemas: int, rounds: int) -> dict[str, list[Run]]:
    """Generate all, then after a change of one schema, then after none."""
    write_yaml(folder / "yaml", schemas, KEYS)
    changed = folder / "yaml" / "s0000.yaml"

    versions = count(1)

    def one() -> Run:
        changed.write_text(re.sub(r"A thing[^,]*", f"A thing as of change {next(versions)}", changed.read_text()))
        return process([*OURS, "generate", "yaml", "-o", "out", "-q"], folder)

    none = partial(process, [*OURS, "generate", "yaml", "-o", "out", "-q"], folder)
    return interleaved({"all are new": partial(_generate, folder), "one changed": one, "none changed": none}, rounds)


def importing(folder: Path, rounds: int) -> dict[str, list[Run]]:
    """Import a generated module and one by hand, in processes that have imported their libraries."""
    write_yaml(folder / "yaml", 1, KEYS)
    _generate(folder)
    (folder / "by_hand.py").write_text(by_hand(KEYS))
    return interleaved(
        {"by hand": partial(_import, "by_hand", folder), "generated": partial(_import, "out.s0000", folder)}, rounds
    )


def one_large(folder: Path, keys: int, *, checkers: bool) -> dict[str, list[Run]]:
    """Generate, import and check the types of one very large schema."""
    write_yaml(folder / "yaml", 1, keys)
    binaries = Path(sys.executable).parent
    module = "out/s0000.py"
    steps = {
        "generate": partial(_generate, folder),
        "import": partial(_import, "out.s0000", folder),
        "mypy --strict": partial(process, [sys.executable, "-m", "mypy", "--strict", module], folder),
        "pyright": partial(process, [binaries / "pyright", "--pythonpath", sys.executable, module], folder),
        "ty": partial(process, [binaries / "ty", "check", "--python", sys.prefix, module], folder),
        "pyrefly": partial(
            process, [binaries / "pyrefly", "check", "--python-interpreter-path", sys.executable, module], folder
        ),
    }
    present = {name: run for name, run in steps.items() if name in _OURS or (checkers and _is_there(name, binaries))}
    return interleaved(present, 1)


def _is_there(step: str, binaries: Path) -> bool:
    return (binaries / step.split(" ", maxsplit=1)[0]).exists()


def _generate(folder: Path) -> Run:
    """Generate into a folder that does not exist yet."""
    subprocess.run(["rm", "-rf", folder / "out"], check=True)
    return process([*OURS, "generate", "yaml", "-o", "out", "-q"], folder)


def _import(module: str, folder: Path) -> Run:
    """Return how long an import takes by itself; the second one, when the bytecode is there."""
    code = (
        "import time, mcp_sessions, pydantic, typing_extensions, datetime, decimal, uuid; s = time.perf_counter();"
        f" import {module}; print(time.perf_counter() - s)"
    )
    command = [sys.executable, "-c", code]
    for _ in range(2):
        process(command, folder)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    seconds = float(done.stdout)
    return Run(seconds, process(command, folder).peak, seconds)


def _version() -> str:
    """Return the name and version of the peer."""
    done = subprocess.run([_peer(), "--version"], capture_output=True, text=True, check=True)
    return f"{PEER} {done.stdout.split()[-1]}"


def _peer() -> Path:
    """Return the peer's command, installed into an environment of its own."""
    home = REPOSITORY / "build" / "peer"
    command = home / "bin" / "datamodel-codegen"
    if not command.exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "python", "-m", "pip", "install", "-qq", PEER], check=True)
    return command


def main() -> None:
    """Measure, print, and write the report if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--schemas", type=int, default=1000)
    parser.add_argument("--keys", type=int, default=1000, help="of the one large schema")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-peer", action="store_true", help=f"leave {PEER} out; it is installed otherwise")
    parser.add_argument("--no-checkers", action="store_true", help="leave the type checkers out")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the report there too")
    options = parser.parse_args()
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for line in sections(Path(folder), options):
            print(line, flush=True)
            lines.append(line)
    if options.write:
        options.write.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
