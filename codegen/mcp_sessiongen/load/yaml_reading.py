"""Reading mappings by their shapes: what is there, what is missing, and what was meant by the rest."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.load.yaml_nodes import MappingNode, Node, ScalarNode, SequenceNode
from mcp_sessiongen.load.yaml_shape import KEY, Shape
from mcp_sessiongen.load.yaml_syntax import entry_hint
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.options import no_option_of_field
from mcp_sessiongen.safe_text import safe_repr

T = TypeVar("T")

_CONTAINERS: Final = ("types", "sessions", "keys", "fields")
_DURATIONS: Final = ("ttl", "lifetime", "max")
_SYNONYMS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("description", "docs", "docstring", "help", "comment", "summary"), ("doc",)),
    **dict.fromkeys(("fields", "properties", "state"), ("keys", "fields")),
    **dict.fromkeys(("values", "members", "choices", "options"), ("enum",)),
    **dict.fromkeys(("minimum", "min"), ("ge",)),
    **dict.fromkeys(("maximum", "max"), ("le",)),
    **dict.fromkeys(("exclusiveMinimum", "exclusive_minimum"), ("gt",)),
    **dict.fromkeys(("exclusiveMaximum", "exclusive_maximum"), ("lt",)),
    **dict.fromkeys(("minLength", "minItems", "min_items"), ("min_length",)),
    **dict.fromkeys(("maxLength", "maxItems", "max_items"), ("max_length",)),
    **dict.fromkeys(("multipleOf", "step"), ("multiple_of",)),
    **dict.fromkeys(("regex", "format"), ("pattern",)),
    **dict.fromkeys(("expires", "expire", "expiry", "expires_in", "max_age"), _DURATIONS),
    **dict.fromkeys(("timeout", "idle_timeout"), ("ttl", "lifetime", "idle")),
    **dict.fromkeys(("idle", "max_lifetime"), ("lifetime",)),
    "ttl": ("lifetime", "max"),
    "lifetime": ("ttl",),
    "tool": ("tools",),
    "argument": ("handle",),
    "aliases": ("renamed_from",),
    "alias": ("renamed_from",),
    "old_name": ("renamed_from",),
    "removed": ("reserved",),
    **dict.fromkeys(
        ("sensitive", "private", "hidden", "masked", "redact", "redacted", "repr", "writeOnly", "write_only"),
        ("secret",),
    ),
    "$ref": ("type",),
    "ref": ("type",),
    "types": ("type",),
    **dict.fromkeys(("class", "from"), ("import",)),
}
"""What people write, and what they mean: the first of these that there is."""

_ADVICE: Final = {
    **dict.fromkeys(
        ("enum", "values", "choices", "options"), 'write  type: Literal["a", "b"]  or declare an enum under types'
    ),
    **dict.fromkeys(("nullable", "optional"), "write  type: T?  for a type T that may be null"),
    **dict.fromkeys(("items", "item"), "write what a list holds into its type: list[str]"),
    "union_mode": "remove it: what is stored is read back as the member that it was, in any order",
    "title": "remove it, or say it in  doc",
    "default_factory": "write the value itself as  default: each session has its own copy",
    "validate_default": "remove it: defaults are always checked",
    "alias": "remove it: values are stored and read by the name; what a key was called before is  renamed_from",
    "required": "a key without a default may be unset;  create: required  has it given at the beginning",
    **dict.fromkeys(("import", "class"), "write the class as the type:  type: app.models:Item"),
}
"""What to do instead of properties that other languages have for keys and fields."""


@dataclass(frozen=True)
class Reading:
    """Reads nodes, and reports what is not as it should be."""

    report: Report

    def properties(self, node: MappingNode, what: str, shape: Shape) -> dict[str, Node]:
        """Return the properties of a mapping by name; report those that it should not have."""
        known = shape.properties
        found: dict[str, Node] = {}
        for key, value in node.entries:
            if key.text in known:
                found[key.text] = value
                continue
            above = next(reversed(found), "")
            if above in _CONTAINERS and is_empty(found[above]):
                message = f"{above} of {what} is empty, and {shown(key)} stands beside it"
                self.error(key.span, "unknown-property", message, f"indent it under  {above}:")
                continue
            if key.text in KEY.properties and "type" in known:
                self.error(key.span, "unknown-property", *no_option_of_field(key.text))
                continue
            message = f"{what} has no property {shown(key)}"
            self.error(key.span, "unknown-property", message, _meant(key.text, shape))
        return found

    def require(self, found: dict[str, Node], span: Span, what: str, shape: Shape) -> None:
        """Report properties that are missing from a mapping."""
        for name, known in shape.properties.items():
            if known.required and name not in found:
                self.error(span, "missing-property", f"{what} has no {name}", f"add  {name}:")

    def group(self, node: Node | None, what: str, shape: Shape) -> dict[str, Node]:
        """Return the properties of a mapping that may be missing."""
        if node is None:
            return {}
        if isinstance(node, MappingNode):
            return self.properties(node, what, shape)
        example = ", ".join(f"{name}: ..." for name in shape.properties)
        self.wrong_kind(node, what, "a mapping", f"write  {what}: {{{example}}}")
        return {}

    def entries(self, node: Node | None, what: str) -> tuple[tuple[ScalarNode, Node], ...]:
        """Return the entries of a mapping from names; one that is missing or empty has none."""
        if isinstance(node, MappingNode):
            return node.entries
        if node is not None and not is_empty(node):
            self.wrong_kind(node, what, "a mapping from names", _entry_hint(node) or f"write  {what}: {{name: ...}}")
        return ()

    def text(self, node: Node | None, what: str) -> str:
        """Return a text; one that is missing is empty."""
        if node is None:
            return ""
        if isinstance(node, ScalarNode):
            return node.text
        self.wrong_kind(node, what, "text", "put it in quotes")
        return ""

    def each(self, entries: Iterable[tuple[ScalarNode, Node]], read: Callable[[ScalarNode, Node], T | None]) -> list[T]:
        """Return what could be made of entries."""
        return [found for key, value in entries if (found := read(key, value)) is not None]

    def error(self, span: Span, code: str, message: str, hint: str, related: tuple[tuple[Span, str], ...] = ()) -> None:
        """Report a finding."""
        self.report.error(span, code, message, hint, related)

    def wrong_kind(self, node: Node, what: str, expected: str, hint: str) -> None:
        """Report a node that is not what it should be."""
        self.error(node.span, "bad-value", f"{what} should be {expected}, got {shown(node)}", hint)


def data(node: Node) -> object:
    """Return a node as JSON data."""
    match node:
        case ScalarNode(value=value):
            return value
        case SequenceNode(items=items):
            return [data(item) for item in items]
        case MappingNode(entries=entries):
            return {key.text: data(value) for key, value in entries}


def is_empty(node: Node) -> bool:
    """Tell whether nothing is written where a value could be."""
    return isinstance(node, ScalarNode) and node.text == ""


def shown(node: Node) -> str:
    """Return a node as messages show it."""
    match node:
        case ScalarNode(text=text):
            return safe_repr(text if len(text) <= 40 else text[:40] + "...") if text else "nothing"
        case SequenceNode():
            return "a list"
        case MappingNode():
            return "a mapping"


def _entry_hint(node: Node) -> str:
    """Return how to write what was meant as entries of a mapping."""
    match node:
        case ScalarNode(text=text):
            return entry_hint(text)
        case SequenceNode():
            return "write  name: type  for each, and no list"
        case MappingNode():
            return ""


def _meant(name: str, shape: Shape) -> str:
    """Return what to write instead of a property that a shape does not have."""
    known = tuple(shape.properties)
    if "type" in known and name in _ADVICE:
        return _ADVICE[name]
    synonym = next((word for word in _SYNONYMS.get(name, ()) if word in known), "")
    if synonym:
        return f"did you mean '{synonym}'?"
    return did_you_mean(name, known) or f"it has: {', '.join(known)}"
