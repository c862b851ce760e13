"""How fast the compiler is, beside other things: the peer, imports alone, and itself on other numbers of schemas."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

from bench import Bench
from contest import Stat
from environments import peers
from measure import Run, interleaved, process, ratio, table
from report import Section, number, shown
from samples import by_hand, models_only, write_json_schemas, write_yaml

PEER = "datamodel-code-generator"
BUILTIN, NONE, DEFAULT = (f"{PEER}, {how}" for how in ("builtin formatter", "no formatter", "default"))
OURS = (sys.executable, "-m", "mcp_sessiongen")
KEYS, ROUNDS = 20, 3
GENERATE, MODELS, IMPORTS = (
    "mcp-sessiongen generate",
    "importing the pydantic models that it makes",
    "import click, jinja2, pydantic, yaml",
)
_OURS = ("generate", "import")


def compiler(bench: Bench) -> Iterator[Section]:
    """Measure the compiler; the type checkers take part only at full size."""
    folder, rounds = bench.servers.folder / "compiler", 1 if bench.scale < 1 else ROUNDS
    schemas = bench.scaled(1000)
    section = Section(f"{schemas} schemas of {KEYS} keys, and {PEER} on the same models")
    found = against_peer(folder / "peer", schemas, rounds, peer=bench.peers)
    section.lines += table(found)
    _goals(section, found, schemas, peer=bench.peers)
    yield section
    checked = max(1, schemas // 10)
    section = Section("`check` of an unchanged project, and what the imports alone take")
    found = check(folder / "check", checked, 2 * rounds)
    section.lines += table(found)
    _at_most(
        section, f"`check` of {checked} unchanged schemas against `{IMPORTS}`", found, _check(checked), IMPORTS, 1.5
    )
    yield section
    yield Section("Time and memory by the number of schemas", table(growth(folder / "growth", schemas, rounds)))
    title = f"{schemas} schemas again, after all, one or none of them changed"
    yield Section(title, table(again(folder / "again", schemas, rounds)))
    title = "Importing a generated module, and one written by hand"
    yield Section(title, table(importing(folder / "import", 2 * rounds)))
    keys = bench.scaled(1000)
    yield Section(f"{keys} keys in one schema", table(one_large(folder / "large", keys, checkers=bench.scale >= 1)))


def _goals(section: Section, found: dict[str, list[Run]], schemas: int, *, peer: bool) -> None:
    of = f"generator, {schemas} schemas of {KEYS} keys"
    _at_most(section, f"{of}: time against {MODELS}", found, GENERATE, MODELS, 1.5)
    peak = max(run.peak for run in found[GENERATE])
    section.is_so(f"{of}: peak memory", "below 120 MiB", f"{peak:.0f} MiB", reached=peak < 120)
    for name, least in ((BUILTIN, 5), (NONE, 5), (DEFAULT, 15)):
        measured, goal = f"{of}: against {name}", f"at least {least} x faster"
        if name not in found:
            section.absent(measured, goal, "it could not be installed" if peer else "it was left out")
            continue
        times = ratio(found, name, GENERATE)
        section.is_so(
            measured,
            goal,
            _told(times, found, name, GENERATE),
            reached=times.median >= least,
            is_close=times.has(least),
        )


def _at_most(section: Section, measured: str, found: dict[str, list[Run]], name: str, base: str, most: float) -> None:
    times = ratio(found, name, base)
    section.is_so(
        measured,
        f"at most {most:g} x",
        _told(times, found, name, base),
        reached=times.median <= most,
        is_close=times.has(most),
    )


def _told(times: Stat, found: dict[str, list[Run]], name: str, base: str) -> str:
    return f"{shown(times)} x; of the processor {number(ratio(found, name, base, 'cpu').median)} x"


def against_peer(folder: Path, schemas: int, rounds: int, *, peer: bool) -> dict[str, list[Run]]:
    """Compare with importing the models, and with the peer's modes: its formatter, none, and black with isort."""
    write_yaml(folder / "yaml", schemas, KEYS)
    write_json_schemas(folder / "json", schemas, KEYS)
    _generate(folder)
    (folder / "models").mkdir()
    for path in sorted((folder / "out").glob("s*.py")):
        (folder / "models" / path.name).write_text(models_only(path.read_text()))
    (folder / "all_models.py").write_text("".join(f"import models.s{number:04}\n" for number in range(schemas)))
    models = [sys.executable, "-c", "import all_models"]
    process(models, folder)  # the bytecode is kept from now on
    alternatives: dict[str, Callable[[], Run]] = {
        GENERATE: lambda: _generate(folder),
        MODELS: partial(process, models, folder),
    }
    python = peers() if peer else None
    if python is not None and (python.parent / "datamodel-codegen").exists():
        codegen: list[str | Path] = [python.parent / "datamodel-codegen", "--input", "json"]
        codegen += ["--input-file-type", "jsonschema", "--output", "by_peer"]
        codegen += ["--output-model-type", "pydantic_v2.BaseModel"]
        alternatives[BUILTIN] = partial(_by_peer, [*codegen, "--formatters", "builtin"], folder)
        alternatives[NONE] = partial(_by_peer, [*codegen, "--no-formatters"], folder)
        alternatives[DEFAULT] = partial(_by_peer, codegen, folder)
    return interleaved(alternatives, rounds, warm=False)


def _check(schemas: int) -> str:
    return f"check, {schemas} schemas"


def check(folder: Path, schemas: int, rounds: int) -> dict[str, list[Run]]:
    """Compare a check that finds nothing with the start of Python and its libraries."""
    write_yaml(folder / "yaml", schemas, KEYS)
    _generate(folder)
    imports = [sys.executable, "-c", IMPORTS]
    return interleaved(
        {
            IMPORTS: partial(process, imports, folder),
            _check(schemas): partial(process, [*OURS, "check", "yaml", "-o", "out"], folder),
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
    shutil.rmtree(folder / "out", ignore_errors=True)
    return process([*OURS, "generate", "yaml", "-o", "out", "-q"], folder)


def _by_peer(command: list[str | Path], folder: Path) -> Run:
    """Have the peer write into a folder that does not exist yet."""
    shutil.rmtree(folder / "by_peer", ignore_errors=True)
    return process(command, folder)


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
