"""Hostile schemas through the real command: a position and a hint each, exit 2, no traceback, nothing written."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.codegen.strategies import modules

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Diagnostic, SchemaErrors
from mcp_sessiongen.export import export
from mcp_sessiongen.pipeline import compile_sources
from mcp_sessiongen.render import render

Run: TypeAlias = Callable[..., Any]


def keys(*lines: str) -> str:
    return "sessiongen: 1\nsessions:\n  cart:\n    keys:\n" + "".join(f"      {line}\n" for line in lines)


PIECES = [
    "int",
    "str",
    "list[",
    "dict[",
    "set[",
    "Literal[",
    "]",
    ", ",
    " | ",
    "None",
    "?",
    " = ",
    "0",
    '"a"',
    "()",
    "[]",
    "é",
    "date",
]

HOSTILE: dict[str, str | bytes] = {
    "a keyword as a key": keys("class: int"),
    "a key that hides a type": keys("str: str = \"__import__('os').system('touch pwned')\"", "next: str"),
    "a key twice": keys("a: int", "a: str"),
    "a path as a session": "sessiongen: 1\nsessions:\n  ../../x: {keys: {a: int}}\n",
    "a path as a tool": "sessiongen: 1\nsessions:\n  a: {tools: {create: ../x}, keys: {a: int}}\n",
    "code as a key": keys('"a: int\\nimport os\\n": int'),
    "code as a type": keys("a: __import__('os').system('touch pwned')"),
    "code as a default": keys("a: int = __import__('os').system('touch pwned')"),
    "an unclosed bracket": keys("a: list[int"),
    "an unclosed flow mapping": "sessiongen: 1\nsessions: {cart: {keys: {a: int}\n",
    "a type that does not exist": keys("a: Nothing"),
    "a deeply nested type": keys("a: " + "list[" * 300 + "int" + "]" * 300),
    "a type of a million characters": keys("a: " + "int | " * 150_000 + "int"),
    "an endless union": keys("a: " + " | ".join(f"'x{i}'" for i in range(150))),
    "an empty file": "",
    "only whitespace": " \n\n  \n",
    "binary bytes": bytes(range(256)),
    "utf-16": "sessiongen: 1".encode("utf-16"),
    "a null byte": b"sessiongen: 1\x00",
    "nested brackets without end": "[" * 200_000,
    "nested mappings without end": "{a: " * 100_000,
    "billion laughs": "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
    "a python object": "sessions: !!python/object/apply:os.system ['touch pwned']\n",
    "too many nodes": "a: [" + "1, " * 60_000 + "1]\n",
    "more than a megabyte": "# " + "x" * (1 << 20),
    "a scalar": "hello",
    "a number as schema": "42",
    "a huge number as a version": "sessiongen: 1\nsessions: {a: {version: " + "9" * 5000 + ", keys: {a: int}}}\n",
    "a huge number as a default": keys("a: {type: int, default: " + "9" * 5000 + "}"),
    "a surrogate in a literal": keys('a: \'Literal["\\ud800", "b"]\''),
    "a pattern that does not compile": keys('a: {type: str, pattern: "(((("}'),
    "a huge length": keys("a: {type: str, max_length: 99999999999999999999999}"),
    "nan as a bound": keys("a: {type: float, ge: .nan}"),
    "an endless lifetime": "sessiongen: 1\nsessions: {a: {lifetime: {idle: 99999999999999999999d}, keys: {a: int}}}\n",
    "a long chain of types": "sessiongen: 1\ntypes:\n"
    + "".join(f"  T{n}: {{a: T{n + 1}}}\n" for n in range(1500))
    + "  T1500: {a: int}\nsessions: {a: {keys: {a: T0}}}\n",
    "a long chain of types, the other way": "sessiongen: 1\ntypes:\n  T0: {a: int}\n"
    + "".join(f"  T{n + 1}: {{a: T{n}}}\n" for n in range(1500))
    + "sessions: {a: {keys: {a: T1500}}}\n",
    "types in a circle": "sessiongen: 1\ntypes: {A: {a: A}}\nsessions: {a: {keys: {a: A}}}\n",
    "no properties at all": "{}",
    "a null key": "sessiongen: 1\nsessions: {null: {keys: {~: int}}}\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_is_refused_with_position_and_hint(
    name: str, project: Path, run: Run, files_in: Callable[[Path], dict[str, str]]
) -> None:
    content = HOSTILE[name]
    (project / "schema.yaml").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = files_in(project)
    outcome = run("generate", "schema.yaml", "-o", "out")
    assert outcome.code == 2
    assert re.match(r"schema\.yaml:[1-9]\d*:[1-9]\d*: error\[[a-z0-9-]+\]: \S", outcome.err), outcome.err
    assert "= help: " in outcome.err
    assert "Traceback" not in outcome.text
    assert "internal error" not in outcome.text
    assert max(map(len, outcome.err.splitlines())) < 400
    assert files_in(project) == before


def test_the_installed_command_refuses_without_a_traceback(project: Path) -> None:
    (project / "schema.py").write_text("raise SystemError('no')\n")
    command = [sys.executable, "-m", "mcp_sessiongen", "schema.py", "-o", "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("schema.py:1:1: error[import-failed]: the module raised SystemError: no\n")
    assert [path.name for path in project.iterdir()] == ["schema.py"]


def test_a_name_with_a_line_break_cannot_leave_the_comment_in_the_header(project: Path, run: Run) -> None:
    folder = project / "odd\nimport os"
    folder.mkdir()
    (folder / "schema.yaml").write_text(keys("a: int"))
    assert run("generate", "odd\nimport os/schema.yaml", "-o", "out").code == 0
    text = (project / "out" / "schema.py").read_text()
    assert "generate '../odd?import os/schema.yaml' -o ." in text
    assert not [line for line in text.splitlines() if line.startswith("import os")]


def test_terminal_codes_in_a_schema_do_not_reach_the_terminal(project: Path, run: Run) -> None:
    (project / "schema.yaml").write_text(keys('"a\\e[31m": int'))
    outcome = run("generate", "schema.yaml", "-o", "out")
    assert "\x1b" not in outcome.err
    assert "bad-name" in outcome.err


def compiled(project: Path, keys: dict[str, str]) -> tuple[str, tuple[Diagnostic, ...]]:
    """Return the module for some keys, or what is wrong with them; anything else is raised."""
    content = json.dumps({"sessiongen": 1, "sessions": {"cart": {"keys": keys}}})
    (project / "schema.yaml").write_text(content)
    try:
        return compile_sources(("schema.yaml",), project)["schema.py"], ()
    except SchemaErrors as errors:
        return "", errors.diagnostics


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=70), st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,70}", fullmatch=True)))
def test_any_name_gives_a_module_or_a_diagnostic(project: Path, name: str) -> None:
    text, diagnostics = compiled(project, {name: "int = 0"})
    if text:
        methods = [node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.AsyncFunctionDef)]
        assert len(set(methods)) == len(methods) == 9
        assert f"get_{name}" in methods
    else:
        assert all(diagnostic.hint for diagnostic in diagnostics)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join))
def test_any_type_expression_gives_a_module_or_a_diagnostic(project: Path, expression: str) -> None:
    text, diagnostics = compiled(project, {"x": expression})
    if text:
        compile(text, "schema.py", "exec")
    else:
        assert all(diagnostic.hint for diagnostic in diagnostics)


HOMES = {
    *("collections.abc", "datetime", "decimal", "http", "typing", "typing_extensions", "uuid"),
    *("mcp_sessions", "pydantic"),
}
STATEMENTS = (ast.Expr, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.ClassDef)


@settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
@given(modules())
def test_no_text_of_a_schema_becomes_code(module: ir.Module) -> None:
    """Neither in a generated module nor in an exported one: all hostile texts say `import os`."""
    for text in (render(module, "schema.yaml"), export(module, "pydantic")):
        tree = ast.parse(text)
        nodes = list(ast.walk(tree))
        assert not [node for node in nodes if isinstance(node, ast.Import)]
        assert {node.module for node in nodes if isinstance(node, ast.ImportFrom)} <= HOMES
        assert all(isinstance(statement, STATEMENTS) for statement in tree.body)
        assert "os" not in {node.id for node in nodes if isinstance(node, ast.Name)}
        calls = [node for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)]
        assert [ast.unparse(call) for call in calls] in ([], ["require_interface(1, __name__)"])
