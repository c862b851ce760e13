"""Type expressions as text: `list[Note] = []`, `Literal["a", "b"]`, `str?`.

They are Python's own, read with `ast` and an allow-list and never evaluated. `T?` is short for `T | None`.
Positions are offsets into the text; the caller maps them to a file.
"""

import ast
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.type_rules import CONTAINERS, SCALARS, SYNONYMS, problem_with

_LONGEST: Final = 2000
_LITERAL_HINT: Final = 'write text in quotes: Literal["yes", "no"]'


_PYTHON_WORDS: Final = {
    **dict.fromkeys(("true", "yes", "on"), "True"),
    **dict.fromkeys(("false", "no", "off"), "False"),
    **dict.fromkeys(("null", "none", "~"), "None"),
}
"""What people write in YAML for the words of Python."""


def _default_hint(text: str) -> str:
    word = _PYTHON_WORDS.get(text.strip().lower())
    if word:
        return f"the short form is Python: write {word}"
    return 'only literals are read, nothing is evaluated; write a date or a Decimal as text: "2020-01-02"'


class AnnotationProblem(Exception):
    """A part of a type expression that is not acceptable."""

    def __init__(self, code: str, message: str, hint: str, start: int, end: int) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.start, self.end = code, message, hint, start, end


@dataclass(frozen=True)
class Annotation:
    """A parsed expression: its type, and its default as a Python literal."""

    type: ir.Type
    default: object
    has_default: bool
    default_start: int
    default_end: int


def parse_annotation(text: str, declared: Collection[str]) -> Annotation:
    """Parse `TYPE` or `TYPE = DEFAULT`.

    Args:
        text: The expression.
        declared: The names under `types`.

    Raises:
        AnnotationProblem: At the first part that is not acceptable.
    """
    return _Parser(text, declared).parse()


class _Parser:
    def __init__(self, text: str, declared: Collection[str]) -> None:
        self.text = text
        self.declared = declared
        self.python, self.origins = _expand_question_marks(text)
        self.by_container: dict[str, Callable[[ast.Subscript, list[ast.expr]], ir.Type]] = {
            "list": self.read_array,
            "set": self.read_array,
            "frozenset": self.read_array,
            "dict": self.read_table,
            "tuple": self.read_tuple,
            "Literal": self.read_literal,
            "Optional": self.read_optional,
            "Union": self.read_union,
        }

    def parse(self) -> Annotation:
        statement = self.statement()
        kind = self.read_type(statement.annotation)
        if statement.value is None:
            return Annotation(kind, None, False, 0, 0)
        start, end = self.extent(statement.value)
        try:
            default = ast.literal_eval(statement.value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            raise self.problem(
                statement.value,
                "bad-default",
                f"the default {self.text[start:end]} is not a literal",
                _default_hint(self.text[start:end]),
            ) from None
        return Annotation(kind, default, True, start, end)

    def statement(self) -> ast.AnnAssign:
        if not self.text.strip():
            raise AnnotationProblem("bad-type", "the type is missing", "write a type, such as str", 0, 1)
        if len(self.text) > _LONGEST:
            message = f"a type expression of {len(self.text)} characters, at most {_LONGEST} are allowed"
            raise AnnotationProblem("bad-type", message, "declare its parts under types", 0, 1)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                body = ast.parse(f"_: {self.python}").body
        except SyntaxError as error:
            at = self.origin(max(0, (error.offset or 1) - 4))
            message = "not a type expression"
            raise AnnotationProblem("bad-type", message, self.syntax_hint(), at, at + 1) from None
        except (ValueError, MemoryError, RecursionError):
            raise AnnotationProblem("bad-type", "not a type expression", "simplify it", 0, len(self.text)) from None
        if len(body) != 1 or not isinstance(body[0], ast.AnnAssign):
            raise AnnotationProblem(
                "bad-type", "not a type expression", "write TYPE or TYPE = DEFAULT", 0, len(self.text)
            )
        return body[0]

    def syntax_hint(self) -> str:
        if self.text.count('"') % 2 or self.text.count("'") % 2:
            return "a quote is not closed; if the text has ' #' or ': ' in it, put the whole expression in quotes"
        if self.text.count("[") != self.text.count("]"):
            return "a bracket is not closed"
        return "write a type as in Python: list[str], dict[str, int], int = 0"

    def read_type(self, node: ast.expr) -> ir.Type:
        match node:
            case ast.Constant(value=None):
                return ir.NONE
            case ast.Name(id=name):
                return self.read_name(node, name)
            case ast.BinOp(op=ast.BitOr()):
                kind = ir.union_of(tuple(self.read_type(member) for member in _alternatives(node)))
            case ast.Subscript(value=ast.Name(id=name), slice=inner) if name in self.by_container:
                arguments = inner.elts if isinstance(inner, ast.Tuple) else [inner]
                kind = self.by_container[name](node, arguments)
            case ast.Subscript(value=ast.Name(id=name) as base):
                self.read_name(base, name)
                raise self.problem(node, "bad-type", f"{name} takes no parameters", f"write {name}")
            case ast.Attribute() | ast.Constant(value=str()):
                raise self.problem(
                    node,
                    "bad-type",
                    f"not a type: {self.quoted(node)}",
                    "write the bare name, without module or quotes",
                )
            case _:
                raise self.problem(
                    node, "bad-type", f"not a type: {self.quoted(node)}", "write a type, such as list[str]"
                )
        found = problem_with(kind)
        if found:
            raise self.problem(node, *found)
        return kind

    def read_name(self, node: ast.expr, name: str) -> ir.Type:
        if name in self.declared:
            return ir.Named(name)
        if name in SCALARS:
            return ir.Scalar(name)
        if name in ("Any", "object"):
            hint = "write what it holds; for several kinds of value, a union"
            raise self.problem(node, "bad-type", f"{name} is no type for stored values: nothing could be checked", hint)
        if name in CONTAINERS:
            raise self.problem(node, "bad-type", f"{name} needs parameters", f"write {_example(name)}")
        synonym = SYNONYMS.get(name.lower())
        hint = f"did you mean '{synonym}'?" if synonym else did_you_mean(name, (*SCALARS, *CONTAINERS, *self.declared))
        raise self.problem(node, "unknown-type", f"unknown type {name!r}", hint or "declare it under types")

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
                message = f"{self.quoted(argument)} is not a literal value"
                raise self.problem(argument, "bad-type", message, _LITERAL_HINT) from None
            if value is None:
                has_none = True
            elif not isinstance(value, str | int) or not _is_encodable(value):
                message = f"a Literal cannot hold {self.quoted(argument)}"
                raise self.problem(argument, "bad-type", message, "it holds str, int or bool")
            else:
                values[(type(value).__name__, value)] = None
        if not values:
            raise self.problem(node, "bad-type", "a Literal without values", _LITERAL_HINT)
        choice = ir.Choice(tuple(value for _, value in values))
        return ir.union_of((choice, ir.NONE)) if has_none else choice

    def read_optional(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        self.expect(node, arguments, 1)
        return ir.union_of((self.read_type(arguments[0]), ir.NONE))

    def read_union(self, node: ast.Subscript, arguments: list[ast.expr]) -> ir.Type:
        del node
        return ir.union_of(tuple(self.read_type(argument) for argument in arguments))

    def expect(self, node: ast.Subscript, arguments: list[ast.expr], count: int) -> None:
        if len(arguments) != count:
            name = ast.unparse(node.value)
            noun = "parameter" if count == 1 else "parameters"
            message = f"{name} takes {count} {noun}, got {len(arguments)}"
            raise self.problem(node, "bad-type", message, f"write {_example(name)}")

    def problem(self, node: ast.expr, code: str, message: str, hint: str) -> AnnotationProblem:
        start, end = self.extent(node)
        return AnnotationProblem(code, message, hint, start, end)

    def quoted(self, node: ast.expr) -> str:
        start, end = self.extent(node)
        return self.text[start:end]

    def extent(self, node: ast.expr) -> tuple[int, int]:
        """Return where a node is in the text; `ast` counts UTF-8 bytes, in the text that it was given."""
        if node.lineno != 1 or node.end_lineno != 1:
            return 0, len(self.text)
        raw = f"_: {self.python}".encode()
        start = len(raw[: node.col_offset].decode()) - 3
        end = len(raw[: node.end_col_offset].decode()) - 3
        return self.origin(start), self.origin(end - 1) + 1

    def origin(self, offset: int) -> int:
        return self.origins[offset] if offset < len(self.origins) else max(0, len(self.text) - 1)


def _expand_question_marks(text: str) -> tuple[str, list[int]]:
    """Return the text with `?` outside of quotes written out, and where each character came from."""
    python: list[str] = []
    origins: list[int] = []
    quote = ""
    escaped = False
    for offset, character in enumerate(text):
        piece = character
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "\"'":
            quote = character
        elif character == "?":
            piece = " | None"
        python.append(piece)
        origins.extend([offset] * len(piece))
    return "".join(python), origins


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """Return the members of `a | b | c` without recursion on the left, where chains grow."""
    members: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        members.append(node.right)
        node = node.left
    return [node, *reversed(members)]


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
    }.get(name, f"{name}[str]")
