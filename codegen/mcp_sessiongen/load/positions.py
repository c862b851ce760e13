"""Where things are in a Python source: classes, their options, fields and other members, found with `ast`."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

from mcp_sessiongen.diagnostics import Source, Span
from mcp_sessiongen.load.python_import import shown, source_of

_NOT_THE_USERS: Final = ("builtins", "mcp_sessions", "pydantic", "typing")
_WORD: Final = re.compile(r"[^\W\d]\w*")


@dataclass
class Positions:
    """Finds spans in the files of a schema.

    Attributes:
        main: The source that the user named; its path is shown as given.
        file: The file of that source.
    """

    main: Source
    file: str
    files: dict[str, "_File"] = field(default_factory=dict)

    def of_class(self, kind: type) -> Span:
        """Return the span of a class's name."""
        file, node = self._find(kind)
        return file.name_span(node) if node else file.source.nowhere()

    def of_member(self, kind: type, name: str) -> Span:
        """Return the span of a field or method, in whichever class of the hierarchy it is."""
        for file, node in self._hierarchy(kind):
            found = file.member(node, name)
            if found:
                return found
        return self.of_class(kind)

    def of_annotation(self, kind: type, name: str) -> Span:
        """Return the span of a field's annotation."""
        return self._part(kind, name, "annotation")

    def of_default(self, kind: type, name: str) -> Span:
        """Return the span of a field's default."""
        return self._part(kind, name, "value")

    def of_option(self, kind: type, option: str) -> Span:
        """Return the span of the value of a class keyword, in whichever class of the hierarchy it is."""
        for file, node in self._hierarchy(kind):
            for keyword in node.keywords:
                if keyword.arg == option:
                    return file.span(keyword.value)
        return self.of_class(kind)

    def of_argument(self, kind: type, name: str, callee: str, argument: str) -> Span:
        """Return the span of an argument of a call in a field: `ttl` of `Key(ttl="5m")`."""
        for file, statement in self._statements(kind, name):
            for call in ast.walk(statement):
                if isinstance(call, ast.Call) and _called(call) == callee:
                    for keyword in call.keywords:
                        if keyword.arg == argument:
                            return file.span(keyword.value)
        return self.of_annotation(kind, name)

    def doc_of(self, kind: type, name: str) -> str:
        """Return the text that stands under a field or a member of an enumeration, "" without one."""
        for file, node in self._hierarchy(kind):
            for _, following in file.defining(node, name):
                return _text(following)
        return ""

    def is_for_checkers(self, kind: type, expression: str) -> bool:
        """Tell whether an expression needs a name that the class's module imports for type checkers only."""
        file, _ = self._find(kind)
        return not file.names_for_checkers.isdisjoint(_WORD.findall(expression))

    def _part(self, kind: type, name: str, part: str) -> Span:
        for file, statement in self._statements(kind, name):
            found = getattr(statement, part)
            return file.span(found) if found else file.span(statement.target)
        return self.of_member(kind, name)

    def _statements(self, kind: type, name: str) -> Iterator[tuple["_File", ast.AnnAssign]]:
        for file, node in self._hierarchy(kind):
            for statement, _ in file.defining(node, name):
                if isinstance(statement, ast.AnnAssign):
                    yield file, statement

    def _hierarchy(self, kind: type) -> Iterator[tuple["_File", ast.ClassDef]]:
        """Yield the user's classes of a hierarchy, the most derived first."""
        for ancestor in kind.__mro__:
            if ancestor.__module__.split(".")[0] not in _NOT_THE_USERS:
                file, node = self._find(ancestor)
                if node:
                    yield file, node

    def _find(self, kind: type) -> tuple["_File", ast.ClassDef | None]:
        try:
            path = inspect.getfile(kind)
        except (TypeError, OSError):
            return _File(self.main), None
        if path not in self.files:
            self.files[path] = _File(self.main if path == self.file else source_of(shown(path)))
        file = self.files[path]
        return file, file.classes.get(kind.__qualname__)


@dataclass
class _File:
    source: Source
    members: dict[int, dict[str, list[tuple[ast.stmt, ast.stmt]]]] = field(default_factory=dict)

    @cached_property
    def tree(self) -> ast.Module:
        try:
            return ast.parse(self.source.text)
        except (SyntaxError, ValueError, RecursionError):
            return ast.Module([], [])

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        found: dict[str, ast.ClassDef] = {}
        _collect(self.tree.body, "", found)
        return found

    @cached_property
    def names_for_checkers(self) -> frozenset[str]:
        """The names that are imported under `if TYPE_CHECKING`."""
        guarded = [
            node for node in self.tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        ]
        imports = [node for guard in guarded for node in guard.body if isinstance(node, ast.Import | ast.ImportFrom)]
        return frozenset((alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names)

    def member(self, node: ast.ClassDef, name: str) -> Span | None:
        for statement, _ in self.defining(node, name):
            return self.member_of(statement, name)
        return None

    def defining(self, node: ast.ClassDef, name: str) -> list[tuple[ast.stmt, ast.stmt]]:
        """Return the statements of a class that define a name, each with the one that follows."""
        if id(node) not in self.members:  # the tree keeps the node, so its id is its own
            table = self.members[id(node)] = {}
            for statement, following in pairwise([*node.body, ast.Pass()]):
                for defined in _defined(statement):
                    table.setdefault(defined, []).append((statement, following))
        return self.members[id(node)].get(name, [])

    def member_of(self, statement: ast.stmt, name: str) -> Span | None:
        """Return the span of a name that a statement of a class defines, if it does."""
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef) and statement.name == name:
            return self.name_span(statement)
        if isinstance(statement, ast.AnnAssign) and _target(statement) == name:
            return self.span(statement.target)
        if isinstance(statement, ast.Assign) and any(_name(target) == name for target in statement.targets):
            return self.span(statement.targets[0])
        return None

    def name_span(self, node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Span:
        line = self.source.lines[node.lineno - 1]
        column = line.find(node.name, line.find(" ", node.col_offset))
        return self.source.span(node.lineno, max(column, 0) + 1, len(node.name))

    def span(self, node: ast.expr) -> Span:
        raw = self.source.lines[node.lineno - 1].encode()
        start = len(raw[: node.col_offset].decode(errors="replace"))
        same_line = node.end_lineno == node.lineno and node.end_col_offset is not None
        end = len(raw[: node.end_col_offset].decode(errors="replace")) if same_line else start + 1
        return self.source.span(node.lineno, start + 1, max(1, end - start))


def _collect(body: list[ast.stmt], prefix: str, found: dict[str, ast.ClassDef]) -> None:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            found[prefix + statement.name] = statement
            _collect(statement.body, f"{prefix}{statement.name}.", found)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            _collect(statement.body, f"{prefix}{statement.name}.<locals>.", found)
        elif isinstance(statement, ast.If | ast.Try | ast.With):
            _collect(statement.body, prefix, found)


def _defined(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return [statement.name]
    if isinstance(statement, ast.AnnAssign):
        return [_target(statement)]
    return [_name(target) for target in statement.targets] if isinstance(statement, ast.Assign) else []


def _target(statement: ast.AnnAssign) -> str:
    return _name(statement.target)


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else _name(call.func)


def _text(statement: ast.stmt) -> str:
    value = statement.value if isinstance(statement, ast.Expr) else None
    text = value.value if isinstance(value, ast.Constant) else None
    return inspect.cleandoc(text) if isinstance(text, str) else ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
