"""Type expressions as text: `list[Note] = []`, `Literal["a", "b"]`, `str?`, `app.models:Item`.

They are Python's own, read with `ast` and an allow-list and never evaluated. `T?` is short for `T | None`.
Positions are offsets into the text; the caller maps them to a file.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from mcp_sessiongen import inner_constraints, ir
from mcp_sessiongen.annotation_text import AnnotationProblem, AnnotationText, Place, is_reference, parse_text
from mcp_sessiongen.default_hints import unevaluated_hint
from mcp_sessiongen.existing_types import ExistingTypes, ImportProblem, Related
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.type_parts import union_of
from mcp_sessiongen.type_rules import CONTAINERS, SCALARS, SYNONYMS, problem_with

_LITERAL_HINT: Final = 'write text in quotes: Literal["yes", "no"]'
_STANDARD: Final = ("datetime", "decimal", "uuid", "typing", "builtins", "collections")

_PYTHON_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on"), "True"),
    **dict.fromkeys(("false", "no", "off"), "False"),
    **dict.fromkeys(("null", "none", "~"), "None"),
}
"""What people write in YAML for the words of Python."""


@dataclass(frozen=True)
class Annotation:
    """A parsed expression: its type, and its default as a Python literal."""

    type: ir.Type
    default: object
    has_default: bool
    default_start: int
    default_end: int


_PLAIN: Final[dict[str, Annotation]] = {}
"""Expressions that mean the same in every file."""


@dataclass(frozen=True)
class Scope:
    """What the names in type expressions mean.

    Attributes:
        declared: The value types under `types`.
        aliases: The imports under `types`: where each is, as `module:Class`; "" if that was reported.
        existing: Looks up what exists in Python already.
        known: Expressions that were read in this scope.
    """

    declared: Mapping[str, ir.Named]
    aliases: Mapping[str, str]
    existing: ExistingTypes
    known: dict[str, Annotation] = field(default_factory=dict)

    def parse(self, text: str) -> Annotation:
        """Parse `TYPE` or `TYPE = DEFAULT`.

        Raises:
            AnnotationProblem: At the first part that is not acceptable.
            ImportProblem: If it refers to an import that was reported already.
        """
        own = (*self.declared, *self.aliases, ":")
        is_plain = not any(name in text for name in own)
        known = _PLAIN if is_plain else self.known
        if text not in known:
            known[text] = _Reader(parse_text(text), self).read()
        return known[text]


class _Reader:
    def __init__(self, source: AnnotationText, scope: Scope) -> None:
        self.source = source
        self.scope = scope
        self.by_container: dict[str, Callable[[ast.Subscript, list[ast.expr]], ir.Type]] = {
            "list": self.read_array,
            "set": self.read_array,
            "frozenset": self.read_array,
            "dict": self.read_table,
            "tuple": self.read_tuple,
            "Literal": self.read_literal,
            "Optional": self.read_optional,
            "Union": self.read_union,
            "Annotated": self.read_annotated,
        }

    def read(self) -> Annotation:
        kind, default = self.read_type(self.source.tree.annotation), self.source.tree.value
        if default is None:
            return Annotation(kind, None, False, 0, 0)
        start, end = self.source.extent(default)
        try:
            value = ast.literal_eval(default)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            written = self.source.text[start:end]
            message = f"the default {written} is not a literal"
            raise self.source.problem(default, "bad-default", message, _default_hint(kind, written)) from None
        return Annotation(kind, value, True, start, end)

    def read_type(self, node: ast.expr) -> ir.Type:
        match node:
            case ast.Constant(value=None):
                return ir.NONE
            case ast.Name(id=name):
                return self.read_name(node, name)
            case ast.Constant() if reference := self.source.reference(node):
                return self.read_import(node, reference, ())
            case ast.BinOp(op=ast.BitOr()):
                kind = union_of(tuple(self.read_type(member) for member in _alternatives(node)))
            case ast.Subscript(value=base, slice=inner):
                kind = self.read_subscript(node, base, inner.elts if isinstance(inner, ast.Tuple) else [inner])
            case ast.Attribute() | ast.Constant(value=str()):
                raise self.problem(node, "bad-type", f"not a type: {self.source.quoted(node)}", self.bare_hint(node))
            case _:
                hint = "write a type, such as list[str]"
                if isinstance(node, ast.Slice):
                    hint = "an imported class is written without spaces, module:Class; parameters are parted by commas"
                raise self.problem(node, "bad-type", f"not a type: {self.source.quoted(node)}", hint)
        found = problem_with(kind)
        if found:
            raise self.problem(node, *found)
        return kind

    def read_subscript(self, node: ast.Subscript, base: ast.expr, arguments: list[ast.expr]) -> ir.Type:
        reference = self.source.reference(base)
        if isinstance(base, ast.Name):
            if base.id in self.by_container and base.id not in self.scope.declared:
                return self.by_container[base.id](node, arguments)
            reference = self.scope.aliases.get(base.id, "")
            if base.id not in self.scope.aliases:
                self.read_name(base, base.id)
                raise self.problem(node, "bad-type", f"{base.id} takes no parameters", f"write {base.id}")
        if reference or isinstance(base, ast.Name):
            return self.read_import(node, reference, tuple(map(self.read_type, arguments)))
        hint = "write a type, such as list[str]"
        raise self.problem(node, "bad-type", f"not a type: {self.source.quoted(node)}", hint)

    def read_name(self, node: ast.expr, name: str) -> ir.Type:
        declared = self.scope.declared.get(name)
        if declared:
            return declared
        if name in self.scope.aliases:
            return self.read_import(node, self.scope.aliases[name], ())
        if name in SCALARS:
            return ir.Scalar(name)
        if name in ("Any", "object"):
            hint = "write what it holds; for several kinds of value, a union"
            raise self.problem(node, "bad-type", f"{name} is no type for stored values: nothing could be checked", hint)
        if name in self.by_container:
            raise self.problem(node, "bad-type", f"{name} needs parameters", f"write {_example(name)}")
        synonym = SYNONYMS.get(name.lower())
        known = (*SCALARS, *CONTAINERS, *self.scope.declared, *self.scope.aliases)
        hint = f"did you mean '{synonym}'?" if synonym else did_you_mean(name, known)
        raise self.problem(node, "unknown-type", f"unknown type {name!r}", hint or "declare it under types")

    def read_import(self, node: ast.expr, reference: str, arguments: tuple[ir.Type, ...]) -> ir.Type:
        module = reference.partition(":")[0]
        if not reference:
            raise ImportProblem("", "an import that was reported where it is declared", "")
        if module in SCALARS or module in CONTAINERS or module in self.scope.declared:
            message = f"not a type: {self.source.quoted(node)}"
            raise self.problem(node, "bad-type", message, "parameters are parted by commas: dict[str, int]")
        try:
            return self.scope.existing.read(reference, arguments)
        except ImportProblem as found:
            if not found.code:
                raise
            raise self.problem(node, found.code, found.message, found.hint, found.related) from None

    def read_array(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        kind = ast.unparse(node.value)
        self.expect(node, arguments, 1)
        if kind == "list":
            return ir.Array("list", self.read_type(arguments[0]))
        return ir.Array("set" if kind == "set" else "frozenset", self.read_type(arguments[0]))

    def read_table(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        self.expect(node, arguments, 2)
        return ir.Table(self.read_type(arguments[0]), self.read_type(arguments[1]))

    def read_tuple(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        match arguments:
            case [item, ast.Constant(value=value)] if value is Ellipsis:
                return ir.Tuple((self.read_type(item),), open=True)
            case _:
                return ir.Tuple(tuple(self.read_type(item) for item in arguments))

    def read_literal(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        values: dict[tuple[str, str | int | bool], None] = {}
        has_none = False
        for argument in arguments:
            try:
                value = ast.literal_eval(argument)
            except (ValueError, TypeError, SyntaxError):
                message = f"{self.source.quoted(argument)} is not a literal value"
                raise self.problem(argument, "bad-type", message, _LITERAL_HINT) from None
            if value is None:
                has_none = True
            elif self.source.reference(argument) or not isinstance(value, str | int) or not _is_encodable(value):
                message = f"a Literal cannot hold {self.source.quoted(argument)}"
                raise self.problem(argument, "bad-type", message, "it holds str, int or bool")
            else:
                values[(type(value).__name__, value)] = None
        if not values:
            raise self.problem(node, "bad-type", "a Literal without values", _LITERAL_HINT)
        choice = ir.Choice(tuple(value for _, value in values))
        return union_of((choice, ir.NONE)) if has_none else choice

    def read_optional(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        self.expect(node, arguments, 1)
        return union_of((self.read_type(arguments[0]), ir.NONE))

    def read_union(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        del node
        return union_of(tuple(self.read_type(argument) for argument in arguments))

    def read_annotated(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        kind = self.read_type(arguments[0])
        if len(arguments) == 1:
            raise self.problem(node, "bad-type", "Annotated takes a type and a Field", inner_constraints.HINT)
        if isinstance(kind, ir.Constrained):
            message = f"{self.source.quoted(arguments[0])} has constraints already"
            raise self.problem(arguments[0], "bad-type", message, "write all constraints into one Field")
        return inner_constraints.constrained(self.source, kind, arguments[1:])

    def expect(self, node: ast.Subscript, arguments: list[ast.expr], count: int) -> None:
        if len(arguments) != count:
            name = ast.unparse(node.value)
            noun = "parameter" if count == 1 else "parameters"
            message = f"{name} takes {count} {noun}, got {len(arguments)}"
            raise self.problem(node, "bad-type", message, f"write {_example(name)}")

    def problem(self, node: Place, code: str, message: str, hint: str, related: Related = ()) -> AnnotationProblem:
        return self.source.problem(node, code, message, hint, related)

    def bare_hint(self, node: ast.expr) -> str:
        """Return what to write for a dotted name, or for a name in quotes."""
        written = self.source.quoted(node).strip("\"'")
        if is_reference(written):
            return f"write it without quotes: {written}"
        module, dot, name = written.rpartition(".")
        if dot and module.split(".")[0] not in _STANDARD and all(part.isidentifier() for part in module.split(".")):
            return f"for a class of your own, write a colon before its name: {module}:{name}"
        return "write the bare name, without module or quotes"


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the members of `a | b | c` without recursion on the left, where chains grow."""
    members: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        members.append(node.right)
        node = node.left
    return [node, *reversed(members)]


def _default_hint(kind: ir.Type, text: str) -> str:
    word = _PYTHON_WORDS.get(text.strip().lower())
    if word:
        return f"the short form is Python: write {word}"
    return unevaluated_hint(kind, text.strip())


def _is_encodable(value: str | int) -> bool:
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return True


def _example(name: str) -> str:
    return {
        "dict": "dict[str, int]",
        "tuple": "tuple[int, str] or tuple[int, ...]",
        "Literal": 'Literal["a", "b"]',
        "Optional": "str | None",
        "Union": "int | str",
        "Annotated": "Annotated[str, Field(max_length=9)]",
    }.get(name, f"{name}[str]")
