"""A schema as a YAML schema that means the same."""

from collections.abc import Mapping
from typing import Any, Final

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Report, SchemaErrors
from mcp_sessiongen.export.durations import duration_text
from mcp_sessiongen.export.inexpressible import Inexpressible
from mcp_sessiongen.export.json_values import JsonValues
from mcp_sessiongen.export.type_text import literal, type_text
from mcp_sessiongen.export.yaml_text import Block, document, flow, is_safe
from mcp_sessiongen.load.yaml_nodes import decode, parse

_LONG: Final = 80


def export_yaml(module: ir.Module, classes: Mapping[ir.Named | ir.Imported, Any]) -> str:
    """Return the text of a YAML schema.

    Args:
        module: What it is to mean.
        classes: The user's own enums, by their types: a default is written as the member's value.

    Raises:
        Inexpressible: If the YAML language has no words for something.
    """
    text = document(_Writer(module, classes).content())
    try:
        parse(decode("", text.encode()), Report())
    except SchemaErrors as errors:
        message = f"as YAML it would not be accepted: {errors.diagnostics[0].message}"
        raise Inexpressible(message, "split the schema, or make its defaults smaller") from None
    return text


class _Writer:
    def __init__(self, module: ir.Module, classes: Mapping[ir.Named | ir.Imported, Any]) -> None:
        self.module = module
        self.values = JsonValues(module.enums, classes)

    def content(self) -> dict[str, object]:
        types: dict[str, object] = {enum.name: self.enum(enum) for enum in self.module.enums}
        types |= {model.name: self.model(model) for model in self.module.models}
        sessions = {session.name: self.session(session) for session in self.module.sessions}
        content: dict[str, object] = {"sessiongen": 1}
        if types:
            content["types"] = Block(types)
        content["sessions"] = Block(sessions)
        return content

    def enum(self, enum: ir.Enumeration) -> dict[str, object]:
        members = [self.member(member) for member in enum.members]
        return _with_doc(enum.doc, {"enum": members})

    def member(self, member: ir.EnumMember) -> object:
        if not member.doc and member.name == _derived_name(member.value):
            return member.value
        content: dict[str, object] = {"value": member.value}
        if member.name != _derived_name(member.value):
            content["name"] = member.name
        return content | ({"doc": member.doc} if member.doc else {})

    def model(self, model: ir.Model) -> dict[str, object]:
        return Block(_with_doc(model.doc, {"fields": Block({item.name: self.field(item) for item in model.fields})}))

    def session(self, session: ir.Session) -> dict[str, object]:
        if session.model is not None:
            owner = f"{session.model.module}:{session.model.qualname}"
            message = f"session {session.name} is bound to {owner}, and YAML cannot say what that class does"
            raise Inexpressible(message, "keep it in Python, or derive it from SessionModel without code of its own")
        content: dict[str, object] = {"doc": session.doc} if session.doc else {}
        if session.version != 1:
            content["version"] = session.version
        lifetime = {"idle": session.idle, "max": session.max}
        if written := {name: duration_text(value) for name, value in lifetime.items() if value is not None}:
            content["lifetime"] = written
        if session.scope != "auto":
            content["scope"] = session.scope
        if session.handle:
            content["handle"] = session.handle
        tools = {"create": session.create_tool, "end": session.end_tool, "list": session.list_tool}
        if named := {name: tool for name, tool in tools.items() if tool}:
            content["tools"] = named
        if session.reserved:
            content["reserved"] = list(session.reserved)
        if session.migrations:
            content["migrations"] = [_migration(one) for one in session.migrations]
        content["keys"] = Block({key.name: self.field(key) for key in session.keys})
        return Block(content)

    def field(self, item: ir.Field) -> object:
        """Return a key or field.

        Raises:
            Inexpressible: If it cannot be written.
        """
        try:
            content = self.content_of(item)
            flow(content)
        except Inexpressible as problem:
            raise Inexpressible(f"{item.name}: {problem}", problem.hint) from None
        return content

    def content_of(self, item: ir.Field) -> object:
        """Return a key or field as one expression if that says it all, else as a mapping."""
        kind = type_text(item.type, self.values)
        options = self.options(item)
        default = None if item.default is None else self.values.data(item.default)
        if not options:
            short = kind if item.default is None else _short(kind, default)
            if short:
                return short
        content: dict[str, object] = {"type": kind}
        if item.default is not None:
            content["default"] = default
        content |= options
        # In braces an expression with brackets would need quotes.
        return content if is_safe(kind, nested=True) else Block(content)

    def options(self, item: ir.Field) -> dict[str, object]:
        found: dict[str, object] = {name: self.values.data(value) for name, value in item.constraints}
        if item.ttl is not None:
            found["ttl"] = duration_text(item.ttl)
        for name in ("create", "renamed_from", "deprecated", "secret", "doc"):
            if said := getattr(item, name):
                found[name] = said
        return found


def _migration(one: ir.Migration) -> dict[str, object]:
    content: dict[str, object] = {"to": one.to, "call": f"{one.module}:{one.qualname}"}
    return content | ({"compatible": True} if one.compatible else {})


def _with_doc(doc: str, content: dict[str, object]) -> dict[str, object]:
    return {"doc": doc, **content} if doc else content


def _short(kind: str, default: object) -> str:
    """Return `TYPE = DEFAULT` if it is a short text, else ""."""
    try:
        text = f"{kind} = {literal(default)}"
    except ValueError:
        return ""
    return text if len(text) <= _LONG else ""


def _derived_name(value: str | int) -> str:
    return value.upper() if isinstance(value, str) else ""
