"""The JSON Schema of the YAML format, for editors: completion, documentation and errors while a schema is written.

Made from the table that files are read by, and from the patterns that names are judged by. It lies as text in the
package, as `session-schema.json`, so that printing it loads nothing; a test keeps the two the same.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from mcp_sessiongen import enums, names, options
from mcp_sessiongen.annotation_text import LONGEST
from mcp_sessiongen.load import yaml_shape
from mcp_sessiongen.load.yaml_shape import FORMAT, Kind, Property, Shape

Fragment: TypeAlias = dict[str, Any]

_SCALAR: Final = ["string", "number", "boolean", "null"]
_REFERENCE: Final = r"^[^:\s]+:[^:\s]+$"


def format_schema() -> Fragment:
    """Return the JSON Schema, draft 2020-12. It has no `$id`: a schema refers to it by where it lies."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "mcp-sessiongen schema",
        **_object(yaml_shape.FILE),
        "$defs": {
            "key": _field(yaml_shape.KEY),
            "field": _field(yaml_shape.FIELD),
            "type": _type(),
            "model": _object(yaml_shape.MODEL),
            "enum": _object(yaml_shape.ENUM),
            "value": _value(),
            "import": _object(yaml_shape.IMPORT),
            "session": _object(yaml_shape.SESSION),
            "lifetime": _object(yaml_shape.LIFETIME),
            "tools": _object(yaml_shape.TOOLS),
            "migration": _object(yaml_shape.MIGRATION),
        },
    }


def format_schema_text() -> str:
    """Return the JSON Schema as the package has it."""
    return json.dumps(format_schema(), indent=2, ensure_ascii=False) + "\n"


# --- mappings ------------------------------------------------------------------------------------------------------


def _object(shape: Shape) -> Fragment:
    required = [name for name, known in shape.properties.items() if known.required]
    return {
        "description": shape.doc,
        "type": "object",
        "properties": _properties(shape),
        **({"required": required} if required else {}),
        "additionalProperties": False,
    }


def _properties(shape: Shape) -> Fragment:
    return {name: _property(known) for name, known in shape.properties.items()}


def _property(known: Property) -> Fragment:
    words = {"enum": list(known.words)} if known.words else {}
    return {"description": known.doc, **_KINDS[known.kind], **words, "examples": [known.example]}


def _field(shape: Shape) -> Fragment:
    """Return what a key or field is: a type expression, or a mapping."""
    doc = f"{shape.doc} In short: its type and perhaps a default, as in Python: `int = 0`."
    return {**_object(shape), "description": doc, **_TYPE, "type": ["string", "object"]}


def _type() -> Fragment:
    """Return what stands under `types`: the property that it has says which kind it is."""
    short = {name: _property(shape.properties[name]) for shape, name in _MARKS}
    return {
        "description": "A value type: a model, in short a mapping from fields to types; an enum; or an import.",
        "type": "object",
        "if": {"required": ["enum"]},
        "then": {"$ref": "#/$defs/enum"},
        "else": {
            "if": {"required": ["import"]},
            "then": {"$ref": "#/$defs/import"},
            "else": {
                "if": {"anyOf": [{"required": [name]} for name in yaml_shape.MODEL.properties]},
                "then": {"$ref": "#/$defs/model"},
                # That these are not here is settled; they are named for the sake of completion.
                "else": {"properties": short, **_names(names.SNAKE, names.MAX_KEY, "field")},
            },
        },
    }


_MARKS: Final = (
    (yaml_shape.MODEL, "doc"),
    (yaml_shape.MODEL, "fields"),
    (yaml_shape.ENUM, "enum"),
    (yaml_shape.IMPORT, "import"),
)


def _value() -> Fragment:
    """Return what an item of `enum` is: a value, or a mapping with a value."""
    return {**_object(yaml_shape.MEMBER), "type": ["string", "integer", "object"]}


def _names(pattern: re.Pattern[str], longest: int, inside: str) -> Fragment:
    """Return what a mapping from names is."""
    return {
        "propertyNames": {**_matching(pattern), "maxLength": longest},
        "additionalProperties": {"$ref": f"#/$defs/{inside}"},
    }


def _matching(pattern: re.Pattern[str]) -> Fragment:
    return {"type": "string", "pattern": f"^(?:{pattern.pattern})$"}


# --- kinds ---------------------------------------------------------------------------------------------------------

_TYPE: Final[Fragment] = {"type": "string", "minLength": 1, "maxLength": LONGEST}

_MEMBERS: Final[Fragment] = {
    "type": ["array", "object"],
    "items": {"$ref": "#/$defs/value"},
    "minItems": 1,
    "additionalProperties": {"description": "What the value means.", "type": _SCALAR},
    "minProperties": 1,
}

_KINDS: Final[Mapping[Kind, Fragment]] = {
    "format": {"const": FORMAT},
    "doc": {"type": _SCALAR},
    "text": {"type": "string", "minLength": 1},
    "type": _TYPE,
    "value": {},
    "bound": {"type": ["number", "string"]},
    "count": {"type": "integer", "minimum": 0},
    "version": {"type": "integer", "minimum": 1},
    "flag": {"type": "boolean"},
    "word": {},
    "duration": _matching(options.DURATION),
    "name": {**_matching(names.SNAKE), "maxLength": names.MAX_KEY},
    "old name": {**_matching(names.ATTRIBUTE), "maxLength": names.MAX_KEY},
    "old names": {"type": "array", "items": {**_matching(names.ATTRIBUTE), "maxLength": names.MAX_KEY}},
    "migrations": {"type": "array", "items": {"$ref": "#/$defs/migration"}},
    "class": {"type": "string", "pattern": _REFERENCE},
    "member": {"type": ["string", "integer"]},
    "member name": _matching(enums.MEMBER),
    "members": _MEMBERS,
    "types": {"type": ["object", "null"], **_names(names.CAP_WORDS, names.MAX_KEY, "type")},
    "sessions": {"type": "object", **_names(names.SNAKE, names.MAX_SESSION, "session"), "minProperties": 1},
    "fields": {"type": ["object", "null"], **_names(names.SNAKE, names.MAX_KEY, "field")},
    "keys": {"type": "object", **_names(names.SNAKE, names.MAX_KEY, "key"), "minProperties": 1},
    "lifetime": {"$ref": "#/$defs/lifetime"},
    "tools": {"$ref": "#/$defs/tools"},
}
