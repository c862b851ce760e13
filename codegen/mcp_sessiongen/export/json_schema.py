"""A schema as JSON Schema, draft 2020-12: what the state of each session looks like as JSON.

The root is an object by session name. Each state is in `$defs` under the name that its class has in generated code,
and so are value types. What JSON Schema has no words for stands in keywords that begin with `x-`, which
docs/command-line.md names.
"""

from collections.abc import Mapping
from typing import Any, Final

from mcp_sessiongen import ir
from mcp_sessiongen.export.inexpressible import Inexpressible
from mcp_sessiongen.export.ir_json import json_text
from mcp_sessiongen.export.json_types import JsonTypes, Schema, to_definition
from mcp_sessiongen.export.json_values import JsonValues
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.type_parts import without_none

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def export_json_schema(module: ir.Module, classes: Mapping[ir.Named | ir.Imported, Any]) -> str:
    """Return the text of a JSON Schema.

    Args:
        module: What it describes.
        classes: The user's own types; one that is not among them is described by its kind of JSON only.
    """
    return json_text(_Writer(module, classes).schema())


class _Writer:
    def __init__(self, module: ir.Module, classes: Mapping[ir.Named | ir.Imported, Any]) -> None:
        self.module = module
        self.values = JsonValues(module.enums, classes)
        self.types = JsonTypes(self.values)

    def schema(self) -> Schema:
        states = {session.name: class_names(session.name)[1] for session in self.module.sessions}
        definitions = {states[session.name]: self.state(session) for session in self.module.sessions}
        definitions |= {enum.name: _enum(enum) for enum in self.module.enums}
        definitions |= {model.name: self.model(model) for model in self.module.models}
        for name, found in self.types.found.items():
            definitions.setdefault(name, found)
        return {
            "$schema": DIALECT,
            "type": "object",
            "properties": {name: to_definition(state) for name, state in states.items()},
            "additionalProperties": False,
            "$defs": definitions,
        }

    def state(self, session: ir.Session) -> Schema:
        found: Schema = {"type": "object", "title": class_names(session.name)[1]}
        found |= _described(session.doc)
        found["properties"] = {key.name: self.key(key) for key in session.keys}
        found["x-version"] = session.version
        lifetime = {name: value for name, value in (("idle", session.idle), ("max", session.max)) if value is not None}
        if lifetime:
            found["x-lifetime"] = lifetime
        found["x-scope"] = session.scope
        argument = session.handle or session.name
        found["x-handle"] = argument
        create, end = session.create_tool or f"create_{argument}", session.end_tool or f"end_{argument}"
        found["x-tools"] = {"create": create, "end": end}
        if session.list_tool:
            found["x-tools"]["list"] = session.list_tool
        if session.reserved:
            found["x-reserved"] = list(session.reserved)
        return found

    def key(self, key: ir.Field) -> Schema:
        """Return a key as a property of the state: never required, and null while it is unset without a default."""
        if key.default is None:
            kind = self.types.field(key)
            found: Schema = kind if without_none(key.type) != key.type else {"anyOf": [kind, {"type": "null"}]}
            found["default"] = None
        else:
            found = self.types.field(key) | self.default(key.default)
        found |= _described(key.doc)
        if key.ttl is not None:
            found["x-ttl"] = key.ttl
        if key.create:
            found["x-create"] = key.create
        if key.renamed_from:
            found["x-renamed-from"] = key.renamed_from
        if key.deprecated:
            found |= {"deprecated": True, "x-deprecated": key.deprecated}
        if key.secret:
            found |= {"writeOnly": True, "x-secret": True}
        return found

    def model(self, model: ir.Model) -> Schema:
        found: Schema = {"type": "object", "title": model.name} | _described(model.doc)
        properties: Schema = {}
        for item in model.fields:
            properties[item.name] = self.types.field(item) | _described(item.doc)
            if item.default is not None:
                properties[item.name] |= self.default(item.default)
        found["properties"] = properties
        required = [item.name for item in model.fields if item.default is None]
        return found | ({"required": required} if required else {})

    def default(self, value: ir.Value) -> Schema:
        """Return the default, if there is a JSON value for it."""
        try:
            data = self.values.data(value)
            json_text(data)
        except (Inexpressible, ValueError):
            return {}
        return {"default": data}


def _enum(enum: ir.Enumeration) -> Schema:
    found: Schema = {"title": enum.name} | _described(enum.doc)
    found["type"] = "string" if isinstance(enum.members[0].value, str) else "integer"
    found["enum"] = [member.value for member in enum.members]
    found["x-enum-varnames"] = [member.name for member in enum.members]
    if any(member.doc for member in enum.members):
        found["x-enum-descriptions"] = [member.doc for member in enum.members]
    return found


def _described(doc: str) -> Schema:
    return {"description": doc} if doc else {}
