"""Python schemas are the user's code: they are kept apart, and whatever they do, the answer is a diagnostic."""

import sys
import textwrap
from collections.abc import Callable, Collection
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from mcp_sessiongen import ir
from mcp_sessiongen.load.positions import Positions
from mcp_sessiongen.load.python_import import source_of
from mcp_sessiongen.names import did_you_mean
from mcp_sessiongen.type_parts import union_of

Run: TypeAlias = Callable[..., Any]

BEGINNING = "from mcp_sessions import SessionModel, ValueModel\n"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


# --- modules of one name in two folders ----------------------------------------------------------------------------


def test_schemas_in_two_folders_have_their_own_siblings(project: Path, run: Run) -> None:
    for folder, limit in (("aa", 1), ("bb", 2)):
        write(
            project / folder / "common.py", f"from enum import Enum\nLIMIT = {limit}\nclass Kind(Enum):\n    A = 'a'\n"
        )
        text = f"{BEGINNING}from common import LIMIT, Kind\nclass X{folder}(SessionModel):\n    x: int = LIMIT\n"
        write(project / folder / f"x{folder}.py", text + "    kind: Kind = Kind.A\n")
    outcome = run("aa/xaa.py", "bb/xbb.py", "-o", "out")
    assert (outcome.code, outcome.err) == (0, "")
    assert "x: int = 1\n" in (project / "out" / "xaa.py").read_text()
    assert "x: int = 2\n" in (project / "out" / "xbb.py").read_text()
    assert not {"common", "xaa", "xbb"} & set(sys.modules)


def test_schemas_of_one_folder_import_their_common_module_once(project: Path, run: Run) -> None:
    write(project / "common.py", "import sys\nsys.stderr.write('imported\\n')\nLIMIT = 3\n")
    for name in "ab":
        text = f"{BEGINNING}from common import LIMIT\nclass S{name}(SessionModel):\n    x: int = LIMIT\n"
        write(project / f"s{name}.py", text)
    write(project / "other" / "sc.py", f"{BEGINNING}class Sc(SessionModel):\n    x: int = 3\n")
    assert run("sa.py", "other/sc.py", "sb.py", "-o", "out").err == "imported\n"


def test_a_schema_in_a_folder_imports_the_projects_own_modules(project: Path, run: Run) -> None:
    (project / "pyproject.toml").write_text("")
    write(project / "app" / "__init__.py", "")
    write(project / "app" / "limits.py", "LIMIT = 3\n")
    write(project / "src" / "more.py", "MORE = 4\n")
    text = f"{BEGINNING}from app.limits import LIMIT\nfrom more import MORE\n"
    write(project / "schemas" / "s.py", f"{text}class S(SessionModel):\n    x: int = LIMIT\n    y: int = MORE\n")
    outcome = run("schemas/s.py", "-o", "out")
    assert (outcome.code, outcome.err) == (0, "")
    generated = (project / "out" / "s.py").read_text()
    assert "x: int = 3\n" in generated
    assert "y: int = 4\n" in generated


def test_types_are_still_resolved_after_the_import(project: Path, run: Run) -> None:
    """A dataclass's annotations that are text are looked up in `sys.modules`, when its schema is built."""
    schema = """\
        from __future__ import annotations
        from dataclasses import dataclass
        from mcp_sessions import SessionModel

        @dataclass
        class Point:
            next: Other | None = None

        @dataclass
        class Other:
            x: int = 0

        class S(SessionModel):
            point: Point | None
        """
    write(project / "schema.py", schema)
    assert run("schema.py", "-o", "out").text.endswith("2 files written, 0 unchanged\n")


# --- code that fails -----------------------------------------------------------------------------------------------

FAILING = {
    "Skipped: could not import": "import pytest\npytest.importorskip('nope_nope')\n",
    "CancelledError": "import asyncio\nraise asyncio.CancelledError\n",
    "GeneratorExit": "raise GeneratorExit\n",
    "Odd: <Odd>": "class Odd(Exception):\n    def __str__(self): raise RuntimeError\nraise Odd\n",
    "called sys.exit(<Odd>)": "class Odd:\n    def __repr__(self): raise RuntimeError\nraise SystemExit(Odd())\n",
    "it imports ''": "raise ModuleNotFoundError(name=5)\n",
}


@pytest.mark.parametrize("said", FAILING)
def test_a_module_that_raises_anything_is_a_diagnostic(said: str, project: Path, run: Run) -> None:
    write(project / "schema.py", FAILING[said])
    outcome = run("schema.py", "-o", "out")
    assert outcome.code == 2
    assert "error[import-failed]" in outcome.err
    assert said in outcome.err


ODD = """\
class Odd:
    def __repr__(self): raise RuntimeError
    def __eq__(self, other): raise RuntimeError
    __hash__ = None
class Meta(type):
    def __getattribute__(self, name): raise RuntimeError
class Hostile(metaclass=Meta): pass
class Liar:
    @property
    def __class__(self): raise RuntimeError
liar = Liar()
"""


@pytest.mark.parametrize("option", ["version", "idle", "max", "scope", "handle", "create_tool", "name"])
def test_an_option_that_cannot_be_shown_is_a_diagnostic(option: str, project: Path, run: Run) -> None:
    write(project / "schema.py", f"{BEGINNING}{ODD}class S(SessionModel, {option}=Odd()):\n    x: int = 1\n")
    outcome = run("schema.py", "-o", "out")
    assert (outcome.code, "error[bad-value]" in outcome.err) == (2, True)
    assert "<Odd>" in outcome.err


def test_objects_that_do_not_answer_are_passed_over(project: Path, run: Run) -> None:
    write(project / "schema.py", f"{BEGINNING}{ODD}class S(SessionModel):\n    x: int = 1\n")
    assert run("schema.py", "-o", "out").code == 0
    for name in ("liar.x", "liar", "Hostile"):
        assert run(f"schema.py:{name}", "-o", "out").err.startswith("schema.py:1:1: error[not-a-schema]")


UNUSUAL = {
    "x: int = 10**5000": "more digits than Python writes",
    "x: list[int] = [10**5000]": "more digits than Python writes",
    "x: Literal[E['a b']]": "a Literal cannot hold E.a b",
    "x: int = Field(default=1, lt=10**5000)": "lt of int should be a whole number",
    "x: Decimal = Field(default=Decimal(1), lt=10**5000)": "lt of Decimal should be a number",
    "x: E = E['a b']": "the member 'a b' has no name that generated code can use",
}


@pytest.mark.parametrize("line", UNUSUAL)
def test_what_generated_code_cannot_say_is_refused(line: str, project: Path, run: Run) -> None:
    imports = "import math\nfrom decimal import Decimal\nfrom enum import Enum\nfrom typing import Literal\n"
    types = "E = Enum('E', {'a b': 1})\nclass Other:\n    x: int\n"
    text = f"{BEGINNING}from pydantic import Field\n{imports}{types}class S(SessionModel):\n    {line}\n"
    write(project / "schema.py", text)
    outcome = run("schema.py", "-o", "out")
    assert (outcome.code, "internal error" in outcome.err) == (2, False)
    assert UNUSUAL[line] in outcome.err
    assert "schema.py:11:" in outcome.err


def test_a_long_decimal_and_a_typed_dict_are_accepted(project: Path, run: Run) -> None:
    text = "from decimal import Decimal\nfrom typing_extensions import TypedDict\nclass Typed(TypedDict):\n    x: int\n"
    more = "class S(SessionModel):\n    x: Decimal = Decimal('9' * 5000)\n    typed: Typed | None\n"
    write(project / "schema.py", BEGINNING + text + more)
    outcome = run("schema.py", "-o", "out")
    assert (outcome.code, outcome.err) == (0, "")
    assert f'"{"9" * 5000}"' in (project / "out" / "schema.py").read_text()


@pytest.mark.parametrize("target", ["pydantic:BaseModel", "pydantic:RootModel", "mcp_sessions:SessionModel"])
def test_a_base_class_is_no_schema(target: str, run: Run) -> None:
    outcome = run(target, "-o", "out")
    assert outcome.code == 2
    assert "error[not-a-schema]" in outcome.err


def test_lines_of_a_python_schema_are_those_of_python(project: Path, run: Run) -> None:
    write(project / "schema.py", f'{BEGINNING}TEXT = "a\u2028b\x85c\x0cd"\nclass S(SessionModel):\n    x: object\n')
    assert run("schema.py", "-o", "out").err.startswith("schema.py:4:8: error[bad-type]")


def test_a_mark_at_the_beginning_does_not_shift_positions(project: Path) -> None:
    (project / "schema.py").write_bytes(b"\xef\xbb\xbfclass A: pass\n")
    source = source_of("schema.py")
    assert source.lines[0] == "class A: pass"
    assert Positions(source, "schema.py").main.span().line_text == "class A: pass"


# --- small parts ---------------------------------------------------------------------------------------------------


def test_literals_of_numbers_and_of_booleans_are_different_types() -> None:
    numbers, booleans = ir.Choice((0, 1)), ir.Choice((False, True))
    assert numbers != booleans
    assert len({numbers: 1, booleans: 2}) == 2
    assert ir.Array("list", numbers) != ir.Array("list", booleans)
    assert union_of((numbers, booleans)) == ir.Union((numbers, booleans))
    assert numbers == ir.Choice((0, 1))


def test_suggestions_compare_a_bounded_number_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = []

    def counting(word: str, possibilities: Collection[str], n: int, cutoff: float) -> list[str]:
        compared.append(len(possibilities))
        return get_close_matches(word, possibilities, n, cutoff)

    monkeypatch.setattr("mcp_sessiongen.names.get_close_matches", counting)
    known = [f"SomeDeclaredType{number}" for number in range(1500)]
    assert did_you_mean("intt", [*known, "int"]) == "did you mean 'int'?"
    assert did_you_mean("SomeDeclaredTyp1", known).startswith("did you mean 'SomeDeclaredType1")
    assert did_you_mean("x" * 2000, known) == ""
    assert max(compared) <= 100


def test_a_module_without_a_file_is_called_by_its_name(run: Run) -> None:
    assert run("sys", "-o", "out").err.startswith("sys:1:1: error[empty-schema]: the module has no SessionModel")
