"""The YAML schema language: from nodes to declarations.

Owns the shape of a schema file: which properties there are and what kind of value each has. Names, defaults and
constraints are judged later, the same way for both front ends.
"""

import base64
from collections.abc import Callable, Collection, Iterable
from typing import Final, TypeVar

from mcp_sessiongen import ir
from mcp_sessiongen.annotations import AnnotationProblem, parse_annotation
from mcp_sessiongen.declarations import (
    CONSTRAINTS,
    Declarations,
    Default,
    FieldDeclaration,
    Located,
    ModelDeclaration,
    SessionDeclaration,
)
from mcp_sessiongen.diagnostics import Report, Source, Span
from mcp_sessiongen.load.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, decode, parse
from mcp_sessiongen.names import did_you_mean

T = TypeVar("T")

_FORMAT: Final = 1
_SYNONYMS: Final = {
    "description": "doc",
    "docs": "doc",
    "help": "doc",
    "fields": "keys",
    "properties": "keys",
    "minimum": "ge",
    "min": "ge",
    "maximum": "le",
    "max": "le",
    "regex": "pattern",
    "ttl": "lifetime",
    "tool": "tools",
}
_LATER: Final = {
    "types": ("enum", "import"),
    "field": ("ttl", "create", "renamed_from", "deprecated"),
    "session": ("reserved",),
}


def load_yaml(path: str, raw: bytes, report: Report) -> Declarations:
    """Read a YAML schema.

    Args:
        path: The file as the user gave it, for messages.
        raw: Its content.
        report: Takes all findings that do not make the rest unreadable.

    Raises:
        SchemaErrors: If the file is not acceptable YAML.
    """
    source = decode(path, raw)
    return _Reader(source, report).file(parse(source, report))


class _Reader:
    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.declared: Collection[str] = ()

    def file(self, root: Node) -> Declarations:
        if not isinstance(root, MappingNode):
            hint = "begin with  sessiongen: 1  and declare a session under  sessions:"
            self.error(root.span, "empty-schema", "a schema is a mapping", hint)
            return Declarations(self.source, (), ())
        properties = self.properties(root, "a schema", ("sessiongen", "types", "sessions"))
        self.format_version(root, properties.get("sessiongen"))
        types = self.entries(properties.get("types"), "types")
        self.declared = [key.text for key, _ in types]
        models = self.each(types, self.model)
        sessions = self.each(self.entries(properties.get("sessions"), "sessions"), self.session)
        return Declarations(self.source, tuple(models), tuple(sessions))

    def format_version(self, root: MappingNode, node: Node | None) -> None:
        if node is None:
            span = root.entries[0][0].span if root.entries else root.span
            self.error(span, "missing-property", "the file does not say its format", "begin it with  sessiongen: 1")
        elif not isinstance(node, ScalarNode) or node.value is True or node.value != _FORMAT:
            message = f"sessiongen: {_shown(node)} is not a format that this version reads"
            self.error(node.span, "bad-value", message, "write  sessiongen: 1")

    def model(self, key: ScalarNode, node: Node) -> ModelDeclaration | None:
        name = Located(key.text, key.span)
        if not isinstance(node, MappingNode):
            self.wrong_kind(node, f"type {key.text}", "a mapping with fields", "write  fields: {name: type}")
            return None
        present = {entry.text for entry, _ in node.entries}
        if "fields" not in present and not present & {"doc", *_LATER["types"]}:
            return ModelDeclaration(name, tuple(self.each(node.entries, self.field)))
        properties = self.properties(node, f"type {key.text}", ("doc", "fields"), _LATER["types"])
        if "fields" not in properties and not present & set(_LATER["types"]):
            self.error(key.span, "missing-property", f"type {key.text} has no fields", "add  fields:")
        fields = self.each(self.entries(properties.get("fields"), "fields"), self.field)
        return ModelDeclaration(name, tuple(fields), self.text(properties.get("doc"), "doc"))

    def session(self, key: ScalarNode, node: Node) -> SessionDeclaration | None:
        if not isinstance(node, MappingNode):
            self.wrong_kind(node, f"session {key.text}", "a mapping", "write at least  keys: {name: type}")
            return None
        known = ("doc", "version", "lifetime", "scope", "handle", "tools", "keys")
        properties = self.properties(node, f"session {key.text}", known, _LATER["session"])
        options = {name: node for name, node in properties.items() if name in ("version", "scope", "handle")}
        options |= self.group(properties.get("lifetime"), "lifetime", {"idle": "idle", "max": "max"})
        options |= self.group(properties.get("tools"), "tools", {"create": "create_tool", "end": "end_tool"})
        return SessionDeclaration(
            name=Located(key.text, key.span),
            keys=tuple(self.each(self.entries(properties.get("keys"), "keys"), self.field)),
            options={name: Located(_data(option), option.span) for name, option in options.items()},
            doc=self.text(properties.get("doc"), "doc"),
        )

    def field(self, key: ScalarNode, node: Node) -> FieldDeclaration | None:
        name = Located(key.text, key.span)
        match node:
            case ScalarNode():
                return self.short_field(name, node)
            case MappingNode():
                return self.long_field(name, node)
            case SequenceNode():
                self.wrong_kind(
                    node, f"key {key.text}", "a type, or a mapping with a type", "write  list[...]  for a list"
                )
                return None

    def short_field(self, name: Located[str], node: ScalarNode) -> FieldDeclaration | None:
        try:
            found = parse_annotation(node.text, self.declared)
        except AnnotationProblem as problem:
            self.annotation_problem(node, problem)
            return FieldDeclaration(name, None)
        default = None
        if found.has_default:
            span = node.part(found.default_start, found.default_end)
            default = Default(_jsonable(found.default), "json", span)
        return FieldDeclaration(name, Located(found.type, node.span), default)

    def long_field(self, name: Located[str], node: MappingNode) -> FieldDeclaration:
        what = f"key {name.value}"
        properties = self.properties(node, what, ("type", "default", "doc", *CONSTRAINTS), _LATER["field"])
        kind = None
        if "type" not in properties:
            self.error(name.span, "missing-property", f"{what} has no type", "add  type:")
        else:
            kind = self.type_of(properties["type"], what)
        constraints = [(name, properties[name]) for name in CONSTRAINTS if name in properties]
        default = properties.get("default")
        return FieldDeclaration(
            name,
            kind,
            Default(_data(default), "json", default.span, _yaml_hint(default)) if default else None,
            tuple((constraint, Located(_data(value), value.span)) for constraint, value in constraints),
            self.text(properties.get("doc"), "doc"),
        )

    def type_of(self, node: Node, what: str) -> Located[ir.Type] | None:
        if not isinstance(node, ScalarNode):
            hint = "in quotes, if it begins with a bracket"
            self.wrong_kind(node, f"the type of {what}", "text", hint)
            return None
        try:
            found = parse_annotation(node.text, self.declared)
        except AnnotationProblem as problem:
            self.annotation_problem(node, problem)
            return None
        if found.has_default:
            span = node.part(found.default_start, found.default_end)
            self.error(span, "bad-value", f"the type of {what} has a default in it", "write it as  default:")
        return Located(found.type, node.span)

    # --- shapes ----------------------------------------------------------------------------------------------------

    def properties(
        self, node: MappingNode, what: str, known: tuple[str, ...], later: tuple[str, ...] = ()
    ) -> dict[str, Node]:
        """Return the known properties of a mapping, and report the others."""
        found: dict[str, Node] = {}
        for key, value in node.entries:
            if key.text in known:
                found[key.text] = value
            elif key.text in later:
                message = f"{key.text!r} of {what} is not supported by this version"
                self.error(key.span, "unsupported", message, "remove it")
            else:
                synonym = _SYNONYMS.get(key.text, "")
                hint = f"did you mean '{synonym}'?" if synonym in known else did_you_mean(key.text, known)
                message = f"{what} has no property {key.text!r}"
                self.error(key.span, "unknown-property", message, hint or f"it has: {', '.join(known)}")
        return found

    def group(self, node: Node | None, what: str, names: dict[str, str]) -> dict[str, Node]:
        if node is None:
            return {}
        if not isinstance(node, MappingNode):
            self.wrong_kind(
                node, what, "a mapping", f"write  {what}: {{{', '.join(f'{name}: ...' for name in names)}}}"
            )
            return {}
        return {names[name]: value for name, value in self.properties(node, what, tuple(names)).items()}

    def entries(self, node: Node | None, what: str) -> tuple[tuple[ScalarNode, Node], ...]:
        if isinstance(node, MappingNode):
            return node.entries
        if node is not None and not (isinstance(node, ScalarNode) and node.text == ""):
            self.wrong_kind(node, what, "a mapping from names", f"write  {what}: {{name: ...}}")
        return ()

    def text(self, node: Node | None, what: str) -> str:
        if node is None:
            return ""
        if isinstance(node, ScalarNode):
            return node.text
        self.wrong_kind(node, what, "text", "put it in quotes")
        return ""

    def each(self, entries: Iterable[tuple[ScalarNode, Node]], read: Callable[[ScalarNode, Node], T | None]) -> list[T]:
        return [found for key, value in entries if (found := read(key, value)) is not None]

    # --- findings --------------------------------------------------------------------------------------------------

    def error(self, span: Span, code: str, message: str, hint: str) -> None:
        self.report.error(span, code, message, hint)

    def wrong_kind(self, node: Node, what: str, expected: str, hint: str) -> None:
        self.error(node.span, "bad-value", f"{what} should be {expected}, got {_shown(node)}", hint)

    def annotation_problem(self, node: ScalarNode, problem: AnnotationProblem) -> None:
        self.error(node.part(problem.start, problem.end), problem.code, problem.message, problem.hint)


def _data(node: Node) -> object:
    """Return a node as JSON data."""
    match node:
        case ScalarNode(value=value):
            return value
        case SequenceNode(items=items):
            return [_data(item) for item in items]
        case MappingNode(entries=entries):
            return {key.text: _data(value) for key, value in entries}


def _jsonable(value: object) -> object:
    """Return a Python literal as JSON data; what JSON cannot hold stays, and is refused when it is checked."""
    match value:
        case bytes():
            return base64.b64encode(value).decode()
        case list() | tuple() | set():
            return [_jsonable(item) for item in value]
        case dict():
            return {str(key): _jsonable(inner) for key, inner in value.items()}
        case _:
            return value


def _shown(node: Node) -> str:
    match node:
        case ScalarNode(text=text):
            return repr(text if len(text) <= 40 else text[:40] + "...") if text else "nothing"
        case SequenceNode():
            return "a list"
        case MappingNode():
            return "a mapping"


def _yaml_hint(node: Node) -> str:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        word = node.text.lower()
        if word in ("yes", "on", "y"):
            return "YAML 1.2 has only true and false: write true"
        if word in ("no", "off", "n"):
            return "YAML 1.2 has only true and false: write false"
    return ""
