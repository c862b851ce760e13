"""The YAML schema language: from a file to declarations.

Owns the file and its sessions; `yaml_types` and `yaml_fields` own what is inside. Names, defaults and constraints are
judged later, the same way for both front ends.
"""

from typing import Final

from mcp_sessiongen.declarations import Declarations, Located, MigrationDeclaration, SessionDeclaration
from mcp_sessiongen.diagnostics import Report, Source
from mcp_sessiongen.load.yaml_fields import FieldReader
from mcp_sessiongen.load.yaml_imports import YamlImports
from mcp_sessiongen.load.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode, decode, parse
from mcp_sessiongen.load.yaml_reading import Reading, data, shown
from mcp_sessiongen.load.yaml_shape import FILE, FORMAT, LIFETIME, MIGRATION, SESSION, TOOLS
from mcp_sessiongen.load.yaml_types import read_types

_PLAIN_OPTIONS: Final[tuple[str, ...]] = ("version", "scope", "handle", "reserved")
_LIFETIME_OPTIONS: Final = {"idle": "idle", "max": "max"}
_TOOL_OPTIONS: Final = {"create": "create_tool", "end": "end_tool", "list": "list_tool"}


def load_yaml(path: str, raw: bytes, report: Report, imports: YamlImports | None = None) -> Declarations:
    """Read a YAML schema.

    Args:
        path: The file as the user gave it, for messages.
        raw: Its content.
        report: Takes all findings that do not make the rest unreadable.
        imports: Looks up the classes that it imports; without, their modules stay imported.

    Raises:
        SchemaErrors: If the file is not acceptable YAML.
    """
    source = decode(path, raw)
    root = parse(source, report)
    reading = Reading(report)
    if not isinstance(root, MappingNode):
        hint = "begin with  sessiongen: 1  and declare a session under  sessions:"
        reading.error(root.span, "empty-schema", "a schema is a mapping", hint)
        return Declarations(source, (), ())
    return _declarations(source, root, reading, imports or YamlImports())


def _declarations(source: Source, root: MappingNode, reading: Reading, imports: YamlImports) -> Declarations:
    found = reading.properties(root, "a schema", FILE)
    _check_format(root, found.get("sessiongen"), reading)
    types = read_types(reading.entries(found.get("types"), "types"), reading, imports)
    sessions = _Sessions(reading, FieldReader(reading, types.scope))
    return Declarations(
        source,
        types.models,
        tuple(reading.each(reading.entries(found.get("sessions"), "sessions"), sessions.read)),
        imports.classes,
        types.enums,
    )


def _check_format(root: MappingNode, node: Node | None, reading: Reading) -> None:
    if node is None:
        span = root.entries[0][0].span if root.entries else root.span
        message = "the file does not say its format"
        reading.error(span, "missing-property", message, f"begin it with  sessiongen: {FORMAT}")
    elif not isinstance(node, ScalarNode) or node.value is True or node.value != FORMAT:
        message = f"sessiongen: {shown(node)} is not a format that this version reads"
        reading.error(node.span, "bad-value", message, f"write  sessiongen: {FORMAT}")


class _Sessions:
    def __init__(self, reading: Reading, fields: FieldReader) -> None:
        self.reading = reading
        self.fields = fields

    def read(self, key: ScalarNode, node: Node) -> SessionDeclaration | None:
        if not isinstance(node, MappingNode):
            what, hint = f"session {key.text}", "write at least  keys: {name: type}"
            self.reading.wrong_kind(node, what, "a mapping", hint)
            return None
        before = len(self.reading.report.found)
        found = self.reading.properties(node, f"session {key.text}", SESSION)
        keys = self.reading.each(self.reading.entries(found.get("keys"), "keys"), self.fields.key)
        is_readable = len(self.reading.report.found) == before
        lifetime = self.reading.group(found.get("lifetime"), "lifetime", LIFETIME)
        tools = self.reading.group(found.get("tools"), "tools", TOOLS)
        options = {name: found[name] for name in _PLAIN_OPTIONS if name in found}
        options |= {option: lifetime[name] for name, option in _LIFETIME_OPTIONS.items() if name in lifetime}
        options |= {option: tools[name] for name, option in _TOOL_OPTIONS.items() if name in tools}
        read = {name: Located(data(option), option.span) for name, option in options.items()}
        if "migrations" in found:
            read["migrations"] = self.migrations(found["migrations"])
        return SessionDeclaration(
            name=Located(key.text, key.span),
            keys=tuple(keys),
            options=read,
            doc=self.reading.text(found.get("doc"), "doc"),
            is_readable=is_readable,
        )

    def migrations(self, node: Node) -> Located[object]:
        """Return migrations; what is no list is reported later."""
        if not isinstance(node, SequenceNode):
            return Located(data(node), node.span)
        found = []
        for item in node.items:
            if not isinstance(item, MappingNode):
                hint = "write  {to: 3, call: app.migrations:cart_v3}"
                self.reading.wrong_kind(item, "a migration", "a mapping", hint)
                continue
            given = self.reading.properties(item, "a migration", MIGRATION)
            self.reading.require(given, item.span, "a migration", MIGRATION)
            located = {name: Located(data(value), value.span) for name, value in given.items()}
            if "to" in located and "call" in located:
                found.append(MigrationDeclaration(located["to"], located["call"], located.get("compatible")))
        return Located(tuple(found), node.span)
