"""What is measured on: schemas as projects have them, the same as JSON Schema, and a module as written by hand.

No two schemas are alike: which keys there are, what they are called and what is said about them is drawn anew for each,
by a generator with a fixed seed.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final


@dataclass(frozen=True)
class Kind:
    """A type of keys with its default.

    Attributes:
        python: The type, in YAML and in Python.
        default: The default, in Python.
        json: The type and the default in JSON Schema.
        rules: Constraints, as in YAML and as in JSON Schema.
    """

    python: str
    default: str
    json: dict[str, object]
    rules: tuple[dict[str, object], dict[str, object]] = field(default=({}, {}))


_BLOCK: Final = re.MULTILINE | re.DOTALL
_TEXT: Final[dict[str, object]] = {"type": "string"}
_OR_NULL: Final[dict[str, object]] = {"type": ["string", "null"], "default": None}

KINDS: Final = (
    Kind("str", '"new"', {**_TEXT, "default": "new"}),
    Kind("int", "0", {"type": "integer", "default": 0}, ({"ge": 0}, {"minimum": 0})),
    Kind("list[str]", "[]", {"type": "array", "items": _TEXT, "default": []}),
    Kind("str | None", "None", _OR_NULL),
    Kind('Literal["low", "high"]', '"low"', {"enum": ["low", "high"], "default": "low"}),
    Kind("datetime | None", "None", {**_OR_NULL, "format": "date-time"}),
    Kind("dict[str, int]", "{}", {"type": "object", "additionalProperties": {"type": "integer"}, "default": {}}),
    Kind("bool", "False", {"type": "boolean", "default": False}),
    Kind("float", "0.5", {"type": "number", "default": 0.5}, ({"ge": 0, "le": 1}, {"minimum": 0, "maximum": 1})),
    Kind("UUID | None", "None", {**_OR_NULL, "format": "uuid"}),
    Kind("str", '""', {**_TEXT, "default": ""}, ({"max_length": 80}, {"maxLength": 80})),
    Kind("int", "1", {"type": "integer", "default": 1}, ({"ge": 1, "le": 999}, {"minimum": 1, "maximum": 999})),
    Kind("list[int]", "[]", {"type": "array", "items": {"type": "integer"}, "default": []}),
    Kind("date | None", "None", {**_OR_NULL, "format": "date"}),
    Kind("dict[str, str]", "{}", {"type": "object", "additionalProperties": _TEXT, "default": {}}),
    Kind("str", '"EUR"', {**_TEXT, "default": "EUR"}, ({"pattern": "^[A-Z]{3}$"}, {"pattern": "^[A-Z]{3}$"})),
    Kind("int | None", "None", {"type": ["integer", "null"], "default": None}),
    Kind(
        'Literal["open", "paid", "sent", "closed"]',
        '"open"',
        {"enum": ["open", "paid", "sent", "closed"], "default": "open"},
    ),
    Kind("list[Part]", "[]", {"type": "array", "items": {"$ref": "#/definitions/Part"}, "default": []}),
    Kind("dict[str, Part]", "{}", {"type": "object", "additionalProperties": {"$ref": "#/definitions/Part"}}),
)

_PART: Final = {
    "type": "object",
    "description": "One part of the whole.",
    "properties": {"label": _TEXT, "count": {"type": "integer", "default": 1}, "price": {"type": "number"}},
    "required": ["label", "price"],
}
_PART_IN_YAML: Final = """types:
  Part:
    doc: One part of the whole.
    fields: {label: str, count: int = 1, price: float}
"""

_FIRST: Final = "main last next open total draft user team order local remote shared public hidden daily extra"
_SECOND: Final = "item page note label score limit total owner status price topic file step view count region"


@dataclass(frozen=True)
class _Key:
    name: str
    kind: Kind
    doc: str

    def in_yaml(self) -> str:
        """Return the key in the short form, or in the long one if there is more to say."""
        rules = self.kind.rules[0]
        if not rules and not self.doc:
            return f"      {self.name}: '{self.kind.python} = {self.kind.default}'\n"
        default = "null" if self.kind.default == "None" else self.kind.default.lower().replace('"eur"', '"EUR"')
        properties = {"type": f"'{self.kind.python}'", "default": default}
        properties |= {name: json.dumps(value) for name, value in rules.items()}
        properties |= {"doc": self.doc} if self.doc else {}
        return f"      {self.name}:\n" + "".join(f"        {name}: {text}\n" for name, text in properties.items())

    def in_json(self) -> dict[str, object]:
        return {**self.kind.json, **self.kind.rules[1], **({"description": self.doc} if self.doc else {})}


def write_yaml(folder: Path, count: int, keys: int) -> Path:
    """Write YAML schemas."""
    folder.mkdir(parents=True)
    for number in range(count):
        head = f"sessiongen: 1\n{_PART_IN_YAML}sessions:\n  s{number}:\n    doc: A thing, number {number}.\n    keys:\n"
        lines = [key.in_yaml() for key in _keys(number, keys)]
        (folder / f"s{number:04}.yaml").write_text(head + "".join(lines))
    return folder


def write_json_schemas(folder: Path, count: int, keys: int) -> Path:
    """Write the same models as JSON Schema."""
    folder.mkdir(parents=True)
    for number in range(count):
        properties = {key.name: key.in_json() for key in _keys(number, keys)}
        schema = {
            "title": f"S{number}",
            "type": "object",
            "description": f"A thing, number {number}.",
            "properties": properties,
            "definitions": {"Part": _PART},
        }
        (folder / f"s{number:04}.json").write_text(json.dumps(schema, indent=2))
    return folder


def models_only(module: str) -> str:
    """Return what a generated module has in pydantic models, as a module that needs nothing but pydantic."""
    end = re.search(r"^_[A-Z0-9_]+: Final", module, re.MULTILINE)
    head = module[: end.start() if end else None]
    base = "from pydantic import BaseModel as ValueModel\n"
    head = re.sub(r"^from mcp_sessions import \(.*?^\)\n", base, head, flags=_BLOCK)
    return re.sub(r"^(__all__ = .*?\]|require_interface\(.*?\))\n", "", head, flags=_BLOCK)


def _keys(number: int, count: int) -> Iterator[_Key]:
    """Yield the keys of a schema; every other one, about, has a sentence that says what it is."""
    draw = random.Random(number)
    pairs = [f"{first}_{second}" for first in _FIRST.split() for second in _SECOND.split()]
    draw.shuffle(pairs)
    names = [pairs[place] if place < len(pairs) else f"{pairs[place % len(pairs)]}_{place}" for place in range(count)]
    for name in names:
        words = name.replace("_", " ")
        about = f"The {words} of a thing, as {draw.choice(_SECOND.split())} {draw.randrange(100)} has it."
        yield _Key(name, draw.choice(KINDS), draw.choice(("", about)))


def by_hand(keys: int) -> str:
    """Return a module with the same methods, as somebody writes it who needs no more: a model, and a line each."""
    return "\n".join(_by_hand(keys)) + "\n"


def _by_hand(keys: int) -> Iterator[str]:
    yield from ("from collections.abc import Callable", "from datetime import date, datetime", "from typing import Any")
    yield from ("from typing import Literal", "from uuid import UUID", "", "from pydantic import BaseModel", "", "")
    yield from ("class Part(BaseModel):", "    label: str", "    count: int = 1", "    price: float", "", "")
    yield "class State(BaseModel):"
    declared = list(_keys(0, keys))
    for key in declared:
        yield f"    {key.name}: {key.kind.python} = {key.kind.default}"
    yield from ("", "", "class Access:", '    """A thing."""', "", "    def __init__(self, store: Any) -> None:")
    yield "        self.store = store"
    for key in declared:
        kind = key.kind.python
        for verb, parameters, result in (
            ("get", "", kind),
            ("set", f", value: {kind}", "None"),
            ("has", "", "bool"),
            ("remove", "", "bool"),
            ("take", "", f"{kind} | None" if "None" not in kind else kind),
            ("update", f", fn: Callable[[{kind}], {kind}]", kind),
        ):
            given = {"set": ", value", "update": ", fn"}.get(verb, "")
            yield from ("", f"    async def {verb}_{key.name}(self{parameters}) -> {result}:")
            yield from (
                f'        """Do it to ``{key.name}``."""',
                f'        return await self.store.{verb}("{key.name}"{given})',
            )
