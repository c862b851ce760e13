"""What an output folder was made from: `.mcp-sessiongen.json`, which is committed with the generated modules.

It says which files were written and how they read, so that a change by hand is told from a change of the schema, and
a file that no schema makes any more from one that is somebody's work. It also lets `check` see that nothing has
changed without compiling anything. An entry counts for that only if its seal fits: a digest over the compiler, the
schema and the result together, so that lines of two branches, merged, vouch for nothing.

No time, no absolute path, no version: the same schemas give the same manifest. `made_with` is the exception; it is
only rewritten with something else.
"""

import hashlib
import json
import re
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

MANIFEST_FILE: Final = ".mcp-sessiongen.json"

_VERSION: Final = 1
_MAX_BYTES: Final = 16 << 20
_ABOUT: Final = "Written by mcp-sessiongen generate. Commit this file with the modules, and do not edit it."
_LIBRARIES: Final = ("jinja2", "pydantic", "pyyaml")
_OWN_FILES: Final = (".py", ".jinja", ".json")
_MODULE_FILE: Final = re.compile(r"(?:__init__|(?!__)[A-Za-z_][A-Za-z0-9_]*)\.py")
_ENTRY_KEYS: Final = ("source", "module", "sha256", "seal")


@dataclass(frozen=True)
class Entry:
    """One generated file.

    Attributes:
        output: The digest of what was written.
        source: The schema file, from the output folder; "" if it is a module that is found by its name.
        module: The name of that module, or "".
        seal: What `seal_of` said; "" if other files than the schema may have a part in the result.
    """

    output: str
    source: str = ""
    module: str = ""
    seal: str = ""


@dataclass(frozen=True)
class Manifest:
    """All that was written into one output folder.

    Attributes:
        entries: By file name.
        made_with: The libraries of the compiler, when it was written.
        problem: Why what is there cannot be used; "" if it can, or if there is none.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    made_with: str = ""
    problem: str = ""


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of an output folder; one without entries if there is none that can be used."""
    path = folder / MANIFEST_FILE
    try:
        if path.is_symlink() or not path.is_file():
            return Manifest()
        if path.stat().st_size > _MAX_BYTES:
            return Manifest(problem="it is too large")
        return _parsed(json.loads(path.read_bytes()))
    except OSError as error:
        return Manifest(problem=f"it cannot be read: {error.strerror}")
    except (ValueError, RecursionError):
        return Manifest(problem="it is not valid JSON, perhaps after a merge")


def dump_manifest(entries: dict[str, Entry]) -> str:
    """Return the text of a manifest."""
    files = {
        name: {key: value for key, value in zip(_ENTRY_KEYS, _values(entry), strict=True) if value}
        for name, entry in sorted(entries.items())
    }
    content = {"about": _ABOUT, "manifest": _VERSION, "made_with": made_with(), "files": files}
    return json.dumps(content, indent=2) + "\n"


def sha256(text: str) -> str:
    """Return the digest of a text, whatever line ends version control gave it."""
    return _digest(text.encode("utf-8", "surrogateescape"))


def seal_of(called: str, schema: bytes, output: str) -> str:
    """Return a digest that vouches for a generated file: this compiler makes it from this schema; "" if none can.

    Args:
        called: How the schema is called from the output folder, which the file repeats.
        schema: What the schema file holds.
        output: The digest of the generated text.
    """
    if not compiler():
        return ""
    return _digest("\n".join((compiler(), called, _digest(schema), output)).encode("utf-8", "surrogateescape"))


@cache
def compiler() -> str:
    """Return a digest of the compiler itself, which changes when it may give other results; "" if it cannot be told."""
    folder = Path(__file__).parent
    lines = [
        f"{path.relative_to(folder).as_posix()} {_digest(path.read_bytes())}"
        for path in sorted(folder.rglob("*"))
        if path.suffix in _OWN_FILES
    ]
    return _digest("\n".join(lines).encode()) if lines else ""


@cache
def made_with() -> str:
    """Return the names and versions of what the compiler is built on."""
    from importlib.metadata import version

    libraries = (f"{name} {version(name)}" for name in _LIBRARIES)
    return ", ".join((f"python {sys.version_info.major}.{sys.version_info.minor}", *libraries))


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw.replace(b"\r\n", b"\n")).hexdigest()


def _values(entry: Entry) -> tuple[str, str, str, str]:
    return entry.source, entry.module, entry.output, entry.seal


def _parsed(content: object) -> Manifest:
    if not isinstance(content, dict) or content.get("manifest") != _VERSION:
        return Manifest(problem="it is not in a format that this version reads")
    files, libraries = content.get("files"), content.get("made_with")
    if not isinstance(files, dict) or not isinstance(libraries, str):
        return Manifest(problem="it is incomplete")
    for name, given in files.items():
        is_entry = isinstance(given, dict) and all(isinstance(value, str) for value in given.values())
        if not _MODULE_FILE.fullmatch(name) or not is_entry:
            return Manifest(problem="an entry in it is not one of ours")
    return Manifest({name: _entry(given) for name, given in files.items()}, libraries)


def _entry(given: dict[str, str]) -> Entry:
    source, module, output, seal = (given.get(key, "") for key in _ENTRY_KEYS)
    return Entry(output, source, module, seal)
