"""Types of the IR as JSON Schema: what their values look like when they are stored."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.export.json_values import JsonValues
from mcp_sessiongen.type_parts import without_none

Schema: TypeAlias = dict[str, Any]

_BASE64: Final = "^(?:@{4})*(?:@[AQgw](?:==)?|@{2}[AEIMQUYcgkosw048]=?)?$".replace("@", "[A-Za-z0-9+/_-]")
"""Of either alphabet, with padding or without: all that the runtime reads."""

_SCALARS: Final[dict[str, Schema]] = {
    "None": {"type": "null"},
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "bytes": {"type": "string", "contentEncoding": "base64", "pattern": _BASE64},
    "Decimal": {"anyOf": [{"type": "number"}, {"type": "string", "format": "decimal"}]},
    "date": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "datetime": {"type": "string", "format": "date-time"},
    "timedelta": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"},
}
_KINDS: Final[dict[ir.JsonForm, str]] = {
    "null": "null",
    "true and false": "boolean",
    "a number": "number",
    "text": "string",
    "an array": "array",
    "an object": "object",
}
_BOUNDS: Final = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
    "multiple_of": "multipleOf",
}
_NUMBERS: Final = (ir.Scalar("int"), ir.Scalar("float"))
_KEYS: Final[dict[str, Schema]] = {"int": {"pattern": "^[-+]?[0-9]+$"}}


def to_definition(name: str) -> Schema:
    """Return a reference to a definition of the same document."""
    return {"$ref": f"#/$defs/{name}"}


class JsonTypes:
    """Describes the types of one document.

    Attributes:
        found: Definitions that the user's own classes brought along.
    """

    def __init__(self, values: JsonValues) -> None:
        self.values = values
        self.found: dict[str, Schema] = {}

    def field(self, item: ir.Field) -> Schema:
        """Return a field's type with its constraints, as a new object."""
        return self.constrained(item.type, item.constraints)

    def type(self, kind: ir.Type) -> Schema:
        """Return a type, as a new object."""
        match kind:
            case ir.Scalar(name=name):
                return dict(_SCALARS[name])
            case ir.Choice(values=values):
                return {"const": values[0]} if len(values) == 1 else {"enum": list(values)}
            case ir.Array(kind=outer, item=item):
                unique = {} if outer == "list" else {"uniqueItems": True}
                return {"type": "array", "items": self.type(item), **unique}
            case ir.Table(key=key, value=value):
                found: Schema = {"type": "object", "additionalProperties": self.type(value)}
                return found if key == ir.Scalar("str") else found | {"propertyNames": self.key(key)}
            case ir.Tuple(items=items, open=True):
                return {"type": "array", "items": self.type(items[0])}
            case ir.Tuple(items=items):
                prefix = {"prefixItems": [self.type(item) for item in items]} if items else {}
                return {"type": "array", **prefix, "items": False, "minItems": len(items)}
            case ir.Union(members=members):
                return {"anyOf": [self.type(member) for member in members]}
            case ir.Named(name=name):
                return to_definition(name)
            case ir.Imported():
                return self.imported(kind)
            case ir.Constrained(type=inner, constraints=constraints):
                return self.constrained(inner, constraints)

    def key(self, kind: ir.Type) -> Schema:
        """Return the type of a dict's keys, which are texts in JSON."""
        return dict(_KEYS[kind.name]) if isinstance(kind, ir.Scalar) and kind.name in _KEYS else self.type(kind)

    def imported(self, kind: ir.Imported) -> Schema:
        """Return what is known about a type of the user's."""
        live = self.values.classes.get((kind.module, kind.qualname))
        if live is not None and not kind.arguments:
            schema = _schema_of(live)
            if schema is not None:
                return self.adopted(schema, kind)
        kinds = [_KINDS[form] for form in kind.forms] or ["object"]
        known: Schema = {} if len(kinds) == len(_KINDS) else {"type": kinds[0] if len(kinds) == 1 else kinds}
        return {**known, "$comment": f"{kind.module}:{kind.qualname}"}

    def adopted(self, schema: Schema, kind: ir.Imported) -> Schema:
        """Take a class's own schema into the document, under the module's name so that none clashes."""
        prefix = kind.module
        definitions = schema.pop("$defs", {})
        rename = {f"#/$defs/{name}": f"#/$defs/{prefix}.{name}" for name in definitions}
        for name, definition in definitions.items():
            self.found[f"{prefix}.{name}"] = _renamed(definition, rename)
        self.found[f"{prefix}.{kind.qualname}"] = _renamed(schema, rename)
        return to_definition(f"{prefix}.{kind.qualname}")

    # --- constraints -----------------------------------------------------------------------------------------------

    def constrained(self, kind: ir.Type, constraints: Iterable[tuple[str, ir.Value]]) -> Schema:
        """Return a type with constraints; what JSON Schema cannot say is under `x-constraints`."""
        given = {name: self.values.data(value) for name, value in constraints}
        target = without_none(kind)
        found, rest = self.type(target), dict(given)
        for name, value in given.items():
            words = self.words(target, name, value, found)
            if words is not None:
                found |= words
                del rest[name]
        if rest:
            found["x-constraints"] = rest
        return found if target == kind else {"anyOf": [found, {"type": "null"}]}

    def words(self, kind: ir.Type, name: str, value: Any, found: Schema) -> Schema | None:
        """Return the keywords for one constraint on a type that is described so far; None if there are none."""
        if name in _BOUNDS and kind in _NUMBERS:
            return {_BOUNDS[name]: value}
        # The length of bytes is not that of their base64, which may be padded or not.
        if name in ("min_length", "max_length") and kind != ir.Scalar("bytes"):
            return _length(kind, name[:3], value)
        if name == "pattern":
            return {"pattern": value}
        if name == "discriminator":
            found["oneOf"] = found.pop("anyOf")
            return {"required": [value], "discriminator": {"propertyName": value}}
        return None


def _length(kind: ir.Type, end: str, value: int) -> Schema:
    match kind:
        case ir.Table():
            return {f"{end}Properties": value}
        case ir.Array() | ir.Tuple():
            return {f"{end}Items": value}
        case _:
            return {f"{end}Length": value}


def _schema_of(live: Any) -> Schema | None:
    """Return the schema that Pydantic makes of a type; None if it makes none."""
    from pydantic import PydanticUserError, TypeAdapter

    try:
        return TypeAdapter(live).json_schema(by_alias=False)
    except (PydanticUserError, TypeError, ValueError):
        return None


def _renamed(node: Any, rename: dict[str, str]) -> Any:
    if isinstance(node, list):
        return [_renamed(item, rename) for item in node]
    if isinstance(node, dict):
        found = {key: _renamed(value, rename) for key, value in node.items()}
        return {**found, "$ref": rename[node["$ref"]]} if node.get("$ref") in list(rename) else found
    return node
