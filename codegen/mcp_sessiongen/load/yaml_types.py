"""The `types` of a YAML schema: models, enums, and imports of what exists already."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.annotation_text import is_reference
from mcp_sessiongen.annotations import Scope
from mcp_sessiongen.declarations import EnumDeclaration, Located, MemberDeclaration, ModelDeclaration
from mcp_sessiongen.existing_types import ExistingTypes, ImportProblem
from mcp_sessiongen.load.yaml_fields import FieldReader
from mcp_sessiongen.load.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from mcp_sessiongen.load.yaml_reading import Reading, data, shown
from mcp_sessiongen.load.yaml_shape import ENUM, IMPORT, MEMBER, MODEL
from mcp_sessiongen.names import type_problem

_ENUM_SYNONYMS: Final = ("values", "members", "choices", "options")

Entry: TypeAlias = tuple[ScalarNode, Node]


@dataclass(frozen=True)
class Types:
    """What a file declares under `types`, and what names mean in it."""

    models: tuple[ModelDeclaration, ...]
    enums: tuple[EnumDeclaration, ...]
    scope: Scope


def read_types(entries: tuple[Entry, ...], reading: Reading, existing: ExistingTypes) -> Types:
    """Return the types of a file; they may refer to each other in any order."""
    enums = reading.each(_with("enum", entries), _Enums(reading).read)
    forms = {enum.name.value: _forms(enum) for enum in enums}
    aliases = {key.text: _alias(key, node, reading, existing) for key, node in _with("import", entries)}
    models = list(_with("", entries))
    declared = {name: ir.Named(name, found) for name, found in forms.items()}
    declared |= {key.text: ir.Named(key.text) for key, node in models if _is_model(node)}
    aliases |= {
        key.text: "" for key, _ in entries if key.text not in {**declared, **aliases}
    }  # reported where they are
    scope = Scope(declared, aliases, existing)
    made = reading.each(models, _Models(reading, FieldReader(reading, scope)).read)
    return Types(tuple(made), tuple(enums), scope)


def _with(kind: str, entries: tuple[Entry, ...]) -> Iterator[Entry]:
    """Yield the entries that declare an "enum" or an "import", or "" for neither."""
    for key, node in entries:
        present = _names_in(node)
        if kind == ("enum" if "enum" in present else "import" if "import" in present else ""):
            yield key, node


def _names_in(node: Node) -> frozenset[str]:
    return frozenset(key.text for key, _ in node.entries) if isinstance(node, MappingNode) else frozenset()


# --- models --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Models:
    reading: Reading
    fields: FieldReader

    def read(self, key: ScalarNode, node: Node) -> ModelDeclaration | None:
        name, what = Located(key.text, key.span), f"type {key.text}"
        if not isinstance(node, MappingNode):
            hint = "write  fields: {name: type}  or  enum: [one, other]"
            self.reading.wrong_kind(node, what, "a mapping with fields", hint)
            return None
        if not _names_in(node) & set(MODEL.properties):
            meant = _meant_as_enum(node)
            if meant:
                message = f"{what} has no property {shown(meant)}"
                self.reading.error(meant.span, "unknown-property", message, "did you mean 'enum'?")
                return None
            return ModelDeclaration(name, tuple(self.reading.each(node.entries, self.fields.field)))
        found = self.reading.properties(node, what, MODEL)
        self.reading.require(found, key.span, what, MODEL)
        fields = self.reading.each(self.reading.entries(found.get("fields"), "fields"), self.fields.field)
        return ModelDeclaration(name, tuple(fields), self.reading.text(found.get("doc"), "doc"))


def _is_model(node: Node) -> bool:
    return isinstance(node, MappingNode) and (bool(_names_in(node) & set(MODEL.properties)) or not _meant_as_enum(node))


def _meant_as_enum(node: MappingNode) -> ScalarNode | None:
    """Return the name of what stands where a field could be, but was meant as the values of an enum."""
    named = ((key, value) for key, value in node.entries if key.text in _ENUM_SYNONYMS)
    return next((key for key, value in named if isinstance(value, SequenceNode)), None)


# --- enums ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Enums:
    reading: Reading

    def read(self, key: ScalarNode, node: Node) -> EnumDeclaration | None:
        found = self.reading.properties(node, f"enum {key.text}", ENUM) if isinstance(node, MappingNode) else {}
        match values := found["enum"]:
            case SequenceNode(items=items):
                members = [member for item in items if (member := self.member(item, key.text))]
            case MappingNode(entries=entries):
                members = [self.described(value, doc) for value, doc in entries]
            case _:
                what = f"the values of enum {key.text}"
                self.reading.wrong_kind(values, what, "a list", "write  enum: [one, other]")
                return None
        return EnumDeclaration(Located(key.text, key.span), tuple(members), self.reading.text(found.get("doc"), "doc"))

    def member(self, node: Node, enum: str) -> MemberDeclaration | None:
        """Return a value of a list."""
        what = f"a value of enum {enum}"
        match node:
            case ScalarNode(value=value, span=span):
                return MemberDeclaration(Located(value, span))
            case MappingNode(span=span):
                found = self.reading.properties(node, what, MEMBER)
                self.reading.require(found, span, what, MEMBER)
                if "value" not in found:
                    return None
                given, name = found["value"], found.get("name")
                return MemberDeclaration(
                    Located(data(given), given.span),
                    Located(self.reading.text(name, "name"), name.span) if name else None,
                    self.reading.text(found.get("doc"), "doc"),
                )
            case _:
                hint = "write  {value: 2, name: SECOND}  for a value with a name"
                self.reading.wrong_kind(node, what, "a text or a whole number", hint)
                return None

    def described(self, value: ScalarNode, doc: Node) -> MemberDeclaration:
        """Return a value of a mapping from values to what they mean."""
        return MemberDeclaration(Located(value.value, value.span), doc=self.reading.text(doc, "what a value means"))


def _forms(enum: EnumDeclaration) -> tuple[ir.JsonForm, ...]:
    kinds: set[ir.JsonForm] = {"text" if isinstance(item.value.value, str) else "a number" for item in enum.members}
    return tuple(sorted(kinds))


# --- imports -------------------------------------------------------------------------------------------------------


def _alias(key: ScalarNode, node: Node, reading: Reading, existing: ExistingTypes) -> str:
    """Return what an import stands for, as `module:Class`; "" after reporting that there is no such type."""
    what = f"import {key.text}"
    found = reading.properties(node, what, IMPORT) if isinstance(node, MappingNode) else {}
    written = found["import"]
    problem = type_problem(key.text)
    if problem:
        reading.error(key.span, "bad-name", problem.message, problem.hint)
    if not isinstance(written, ScalarNode) or not is_reference(written.text):
        hint = 'write  import: "app.models:Item"'
        if isinstance(written, ScalarNode) and "[" in written.text:
            hint = f'write it where it is used, as a type expression:  type: "{written.text}"'
        reading.wrong_kind(written, what, "module:Class", hint)
        return ""
    try:
        existing.check(written.text)
    except ImportProblem as found_problem:
        if found_problem.code:
            reading.error(
                written.span, found_problem.code, found_problem.message, found_problem.hint, found_problem.related
            )
        return ""
    return written.text
