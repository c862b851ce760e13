"""What is measured on: schemas of plain keys, the same as JSON Schema, and a module as one would write it by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

KINDS = (
    ('str = "x"', {"type": "string", "default": "x"}, "str", '"x"'),
    ("int = 0", {"type": "integer", "default": 0}, "int", "0"),
    ("list[str] = []", {"type": "array", "items": {"type": "string"}, "default": []}, "list[str]", "[]"),
    ("str?", {"type": ["string", "null"]}, "str | None", "None"),
    ('Literal["a", "b"] = "a"', {"enum": ["a", "b"], "default": "a"}, 'Literal["a", "b"]', '"a"'),
    ("datetime?", {"type": ["string", "null"], "format": "date-time"}, "datetime | None", "None"),
    (
        "'dict[str, int] = {}'",
        {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}},
        "dict[str, int]",
        "{}",
    ),
    ("bool = False", {"type": "boolean", "default": False}, "bool", "False"),
    ("float = 0.5", {"type": "number", "default": 0.5}, "float", "0.5"),
    ("UUID?", {"type": ["string", "null"], "format": "uuid"}, "UUID | None", "None"),
)
"""A kind of key: in a YAML schema, in a JSON Schema, and in Python its type and default."""


def write_yaml(folder: Path, count: int, keys: int) -> Path:
    """Write YAML schemas."""
    folder.mkdir(parents=True)
    for number in range(count):
        lines = [f"      key_{key}: {KINDS[key % len(KINDS)][0]}\n" for key in range(keys)]
        head = f"sessiongen: 1\nsessions:\n  s{number}:\n    doc: A thing.\n    keys:\n"
        (folder / f"s{number:04}.yaml").write_text(head + "".join(lines))
    return folder


def write_json_schemas(folder: Path, count: int, keys: int) -> Path:
    """Write the same models as JSON Schema."""
    folder.mkdir(parents=True)
    for number in range(count):
        properties = {f"key_{key}": KINDS[key % len(KINDS)][1] for key in range(keys)}
        schema = {"title": f"S{number}", "type": "object", "description": "A thing.", "properties": properties}
        (folder / f"s{number:04}.json").write_text(json.dumps(schema))
    return folder


def by_hand(keys: int) -> str:
    """Return a module with the same methods, as somebody writes it who needs no more: a model, and a line each."""
    return "\n".join(_by_hand(keys)) + "\n"


def _by_hand(keys: int) -> Iterator[str]:
    yield from ("from collections.abc import Callable", "from datetime import datetime", "from typing import Any")
    yield from ("from typing import Literal", "from uuid import UUID", "", "from pydantic import BaseModel", "", "")
    yield "class State(BaseModel):"
    for key in range(keys):
        _, _, kind, default = KINDS[key % len(KINDS)]
        yield f"    key_{key}: {kind} = {default}"
    yield from ("", "", "class Access:", '    """A thing."""', "", "    def __init__(self, store: Any) -> None:")
    yield "        self.store = store"
    for key in range(keys):
        kind = KINDS[key % len(KINDS)][2]
        for verb, parameters, result in (
            ("get", "", kind),
            ("set", f", value: {kind}", "None"),
            ("has", "", "bool"),
            ("remove", "", "bool"),
            ("take", "", f"{kind} | None" if "None" not in kind else kind),
            ("update", f", fn: Callable[[{kind}], {kind}]", kind),
        ):
            given = {"set": ", value", "update": ", fn"}.get(verb, "")
            yield from ("", f"    async def {verb}_key_{key}(self{parameters}) -> {result}:")
            yield from (
                f'        """Do it to ``key_{key}``."""',
                f'        return await self.store.{verb}("key_{key}"{given})',
            )
