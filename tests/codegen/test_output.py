"""The output as a whole: the same bytes everywhere and from both forms, and nothing that a schema injected."""

import ast
import difflib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_sessiongen import ir
from mcp_sessiongen.ir_dump import digest, digests
from mcp_sessiongen.pipeline import compile_sources
from mcp_sessiongen.python_text import clean, docstring, lit
from mcp_sessiongen.render import render
from mcp_sessiongen.template import Unvetted, only_code

ROOT = Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"
GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["counter", "notes", "preferences", "wizard"])
def test_both_forms_of_an_example_compile_to_the_same_code(name: str, project: Path) -> None:
    texts = [compile_sources((str(SCHEMAS / f"{name}.{kind}"),), project)[f"{name}.py"] for kind in ("yaml", "py")]
    assert [line[:1] for line in difference(*texts)] == ["-", "+"]


@pytest.mark.parametrize("case", ["both-forms", "secrets"])
def test_both_forms_of_a_rich_schema_compile_to_the_same_code(case: str) -> None:
    forms = [(GOLDEN / f"{case}-{form}" / "expected" / "schema.py").read_text() for form in ("yaml", "pydantic")]
    assert difference(*forms) == [
        "-#   mcp-sessiongen generate ../schema.yaml -o .",
        "+#   mcp-sessiongen generate ../schema.py -o .",
    ]


def difference(one: str, other: str) -> list[str]:
    lines = difflib.unified_diff(one.splitlines(), other.splitlines(), n=0, lineterm="")
    return [line for line in lines if line[:3] not in ("---", "+++") and line[:2] != "@@"]


def test_the_same_schemas_give_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    """Under other hash seeds, from other folders, by relative and absolute paths, in another locale."""
    case = GOLDEN / "everything"
    results = set()
    for seed, folder, locale in (("0", case, "C"), ("1", ROOT, "C.UTF-8"), ("4242", tmp_path, "POSIX")):
        output = tmp_path / "out"
        source = os.path.relpath(case / "schema.yaml", folder) if seed == "1" else str(case / "schema.yaml")
        environment = {**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": locale}
        command = [sys.executable, "-m", "mcp_sessiongen", "generate", source, "-o", str(output), "--quiet"]
        subprocess.run(command, cwd=folder, env=environment, check=True)
        results.add((output / "schema.py").read_bytes())
        (output / "schema.py").unlink()
    assert len(results) == 1


def test_the_digest_speaks_of_the_meaning_only() -> None:
    key = ir.Field("a", ir.Scalar("int"))
    session = ir.Session("s", (key,))
    assert digest(session) == digest(ir.Session("s", (ir.Field("a", ir.Scalar("int")),)))
    others = [
        ir.Session("s", (key,), version=2),
        ir.Session("s", (key,), idle=60.0),
        ir.Session("s", (ir.Field("a", ir.Scalar("str")),)),
        ir.Session("s", (ir.Field("a", ir.Scalar("int"), ir.Atom(0)),)),
        ir.Session("s", (ir.Field("a", ir.Scalar("int"), doc="x"),)),
    ]
    assert len({digest(other) for other in [session, *others]}) == 6


def test_a_session_s_digest_changes_with_the_types_it_uses_and_with_no_others() -> None:
    note = ir.Model("Note", (ir.Field("text", ir.Scalar("str")),))
    other = ir.Model("Other", (ir.Field("text", ir.Scalar("str")),))
    session = ir.Session("s", (ir.Field("notes", ir.Array("list", ir.Named("Note"))),))
    base = digests(ir.Module((note,), (session,)))
    longer = ir.Model("Note", (*note.fields, ir.Field("more", ir.Scalar("int"))))
    with_other = digests(ir.Module((note, other), (session,)))
    assert with_other[1] == base[1] == {"s": digest(session, note)}
    assert with_other[0] == digest(ir.Module((note, other), (session,))) != base[0]
    assert digests(ir.Module((longer,), (session,)))[1] != base[1]


ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()), max_size=60)
NASTY = st.sampled_from(
    ['"""', '"', "'", "\\", "\\N{BULLET}", "\n", "\r\n", "\t", "{{ x }}", "{% raw %}", "\x00", "\u202e", "#", " "]
)
HOSTILE_TEXT = st.lists(st.one_of(ANY_TEXT, NASTY), max_size=8).map("".join)


@given(HOSTILE_TEXT)
def test_a_literal_means_the_text_that_it_was_made_of(text: str) -> None:
    assert ast.literal_eval(lit(text)) == text
    assert "\n" not in lit(text)


@given(HOSTILE_TEXT, st.sampled_from([0, 4, 8]))
def test_a_docstring_says_what_it_was_made_of(text: str, indent: int) -> None:
    code = docstring("Summary.", text, indent=indent)
    said = ast.literal_eval(" " * indent + code if not indent else code)
    assert said.startswith("Summary.")
    assert said.removeprefix("Summary.").split() == clean(text).split()


@settings(max_examples=60, deadline=None)
@given(HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT, HOSTILE_TEXT)
def test_no_text_of_a_schema_changes_the_code(doc: str, default: str, pattern: str, source: str) -> None:
    """Compared with the same schema with harmless texts, only constants differ, and they are the given ones."""
    hostile = ast.parse(render(schema_with(doc, default, pattern), source))
    harmless = ast.parse(render(schema_with("Doc.", "default", "pattern"), "x.yaml"))
    written = constants(hostile)
    assert {default, pattern, default + "1", pattern + "2"} <= written
    assert shape(hostile) == shape(harmless)


def schema_with(doc: str, default: str, pattern: str) -> ir.Module:
    text = ir.Scalar("str")
    model = ir.Model("Note", (ir.Field("text", text, doc=doc),), doc=doc)
    keys = (
        ir.Field("a", text, ir.Atom(default), (("pattern", ir.Atom(pattern)),), doc),
        ir.Field("b", ir.Choice((default + "1", pattern + "2")), doc=doc),
        ir.Field("c", ir.Array("list", ir.Named("Note")), doc=doc),
        ir.Field("d", ir.Table(text, text), ir.Entries(((ir.Atom(default), ir.Atom(pattern)),))),
    )
    return ir.Module((model,), (ir.Session("s", keys, doc=doc),))


def shape(tree: ast.Module) -> str:
    class Blank(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("" if isinstance(node.value, str) else node.value)

    return ast.dump(Blank().visit(tree))


def constants(tree: ast.Module) -> set[object]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def test_a_template_cannot_print_text_that_was_not_vetted() -> None:
    with pytest.raises(Unvetted, match="bare str"):
        only_code("import os")
