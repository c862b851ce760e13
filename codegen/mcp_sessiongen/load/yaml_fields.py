"""Keys of sessions and fields of models in a YAML schema, in the short form and in the long one."""

import base64
from dataclasses import dataclass

from mcp_sessiongen import ir
from mcp_sessiongen.annotation_text import AnnotationProblem
from mcp_sessiongen.annotations import Annotation, Scope
from mcp_sessiongen.declarations import CONSTRAINTS, KEY_OPTIONS, Default, FieldDeclaration, Located
from mcp_sessiongen.existing_types import ImportProblem
from mcp_sessiongen.load.yaml_nodes import MappingNode, Node, ScalarNode
from mcp_sessiongen.load.yaml_reading import Reading, data
from mcp_sessiongen.load.yaml_shape import FIELD, KEY, Shape


@dataclass(frozen=True)
class FieldReader:
    """Reads keys and fields.

    Attributes:
        reading: Takes the findings.
        scope: What type names mean.
    """

    reading: Reading
    scope: Scope

    def key(self, key: ScalarNode, node: Node) -> FieldDeclaration:
        """Return a key of a session."""
        return self._declaration(key, node, "key", KEY)

    def field(self, key: ScalarNode, node: Node) -> FieldDeclaration:
        """Return a field of a model."""
        return self._declaration(key, node, "field", FIELD)

    def _declaration(self, key: ScalarNode, node: Node, noun: str, shape: Shape) -> FieldDeclaration:
        name, what = Located(key.text, key.span), f"{noun} {key.text}"
        match node:
            case ScalarNode():
                return self._short(name, node)
            case MappingNode():
                return self._long(name, node, what, shape)
            case _:
                hint = "write  list[...]  for a list"
                self.reading.wrong_kind(node, what, "a type, or a mapping with a type", hint)
                return FieldDeclaration(name, None)

    def _short(self, name: Located[str], node: ScalarNode) -> FieldDeclaration:
        found = self._parse(node)
        if found is None:
            return FieldDeclaration(name, None)
        default = None
        if found.has_default:
            span = node.part(found.default_start, found.default_end)
            default = Default(_jsonable(found.default), "json", span)
        return FieldDeclaration(name, Located(found.type, node.span), default)

    def _long(self, name: Located[str], node: MappingNode, what: str, shape: Shape) -> FieldDeclaration:
        found = self.reading.properties(node, what, shape)
        self.reading.require(found, name.span, what, shape)
        located = {option: Located(data(value), value.span) for option, value in found.items()}
        default = found.get("default")
        return FieldDeclaration(
            name,
            self._type(found["type"], what) if "type" in found else None,
            Default(located["default"].value, "json", default.span, _yaml_hint(default)) if default else None,
            tuple((constraint, located[constraint]) for constraint in CONSTRAINTS if constraint in found),
            self.reading.text(found.get("doc"), "doc"),
            {option: located[option] for option in KEY_OPTIONS if option in found},
        )

    def _type(self, node: Node, what: str) -> Located[ir.Type] | None:
        if not isinstance(node, ScalarNode):
            self.reading.wrong_kind(node, f"the type of {what}", "text", "in quotes, if it begins with a bracket")
            return None
        found = self._parse(node)
        if found is None:
            return None
        if found.has_default:
            span = node.part(found.default_start, found.default_end)
            message = f"the type of {what} has a default in it"
            self.reading.error(span, "bad-value", message, "write it as  default:")
        return Located(found.type, node.span)

    def _parse(self, node: ScalarNode) -> Annotation | None:
        try:
            return self.scope.parse(node.text)
        except AnnotationProblem as problem:
            span = node.part(problem.start, problem.end)
            self.reading.error(span, problem.code, problem.message, problem.hint, problem.related)
        except ImportProblem:
            pass  # reported where it is declared
        return None


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


def _yaml_hint(node: Node) -> str:
    if isinstance(node, ScalarNode) and isinstance(node.value, str):
        word = node.text.lower()
        if word in ("yes", "on", "y"):
            return "YAML 1.2 has only true and false: write true"
        if word in ("no", "off", "n"):
            return "YAML 1.2 has only true and false: write false"
    return ""
