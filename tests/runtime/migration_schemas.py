"""The versions of one schema, each compiled by the real compiler into a package of its own, as releases would be."""

import importlib
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

VERSIONS: Mapping[int, str] = {
    1: """
sessiongen: 1
sessions:
  trip:
    keys:
      language: str
      seats: int = 1
      price: {type: int, ttl: 5m}
      old_note: str
      tags: list[str] = []
""",
    # Moves a value, drops one, and loses nothing.
    2: """
sessiongen: 1
sessions:
  trip:
    version: 2
    reserved: [old_note]
    keys:
      locale: {type: str, renamed_from: language}
      seats: int = 1
      price: {type: float?, ttl: 5m}
      tags: list[str] = []
""",
    # Gets along with 2.
    3: """
sessiongen: 1
sessions:
  trip:
    version: 3
    reserved: [old_note]
    keys:
      locale: {type: str, renamed_from: language}
      seats: int = 1
      price: {type: float?, ttl: 5m}
      tags: list[str] = []
      hotel: str
""",
    # Takes a function.
    4: """
sessiongen: 1
types:
  Tag: {fields: {name: str, weight: int = 1}}
sessions:
  trip:
    version: 4
    reserved: [old_note]
    migrations: [{to: 4, call: "FUNCTIONS:trip_v4"}]
    keys:
      locale: {type: str, renamed_from: language, pattern: "^[a-z]{2}$"}
      seats: int = 1
      price: {type: float?, ttl: 5m}
      tags: list[Tag] = []
      hotel: str
""",
    # Another one after that.
    5: """
sessiongen: 1
types:
  Tag: {fields: {name: str, weight: int = 1}}
sessions:
  trip:
    version: 5
    reserved: [old_note]
    migrations: [{to: 4, call: "FUNCTIONS:trip_v4"}, {to: 5, call: "FUNCTIONS:trip_v5"}]
    keys:
      locale: {type: str, renamed_from: language, pattern: "^[a-z]{2}$"}
      people: int = 1
      price: {type: float?, ttl: 5m}
      tags: dict[str, Tag] = {}
      hotel: str
""",
}

FUNCTIONS = """
from PACKAGE.trip import TripV3State, TripV4State


def trip_v4(old: TripV3State) -> TripV4State:
    from PACKAGE import trip
    tag = trip.Tag
    return TripV4State(
        locale=old.locale, seats=old.seats, price=old.price, tags=[tag(name=name) for name in old.tags], hotel=old.hotel
    )


def trip_v5(old: TripV4State) -> "TripV5State":
    from PACKAGE.trip import TripV5State
    return TripV5State(
        locale=old.locale, people=old.seats, price=old.price, tags={tag.name: tag for tag in old.tags}, hotel=old.hotel
    )
"""


def compiled(
    folder: Path,
    versions: Mapping[int, str] = VERSIONS,
    functions: str = FUNCTIONS,
    name: str = "trip",
) -> dict[int, Any]:
    """Return the generated module of each version; each of them knows those before it.

    In the schemas "FUNCTIONS" stands for the module of functions, in those "PACKAGE" for that of generated modules.
    """
    made = {}
    sys.path.insert(0, str(folder))
    try:
        for version, text in versions.items():
            package, module = f"{name}{version}_state", f"{name}{version}_functions"
            schemas = folder / f"release{version}"
            (schemas / "history").mkdir(parents=True)
            (schemas / f"{name}.yaml").write_text(text.replace("FUNCTIONS", module))
            for before in range(1, version):
                (schemas / "history" / f"{name}.v{before}.yaml").write_text(versions[before])
            (folder / f"{module}.py").write_text(functions.replace("PACKAGE", package))
            line = [sys.executable, "-m", "mcp_sessiongen", "generate", str(schemas / f"{name}.yaml"), "-o", package]
            subprocess.run(line, cwd=folder, check=True, capture_output=True)
            made[version] = importlib.import_module(f"{package}.{name}")
            if "FUNCTIONS" in text:
                importlib.import_module(module)
    finally:
        sys.path.remove(str(folder))
    return made
