"""Type expressions: what they mean, where their problems are, and that no text does harm."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_sessiongen import ir
from mcp_sessiongen.annotation_text import AnnotationProblem, parse_text
from mcp_sessiongen.annotations import Scope
from mcp_sessiongen.existing_types import ImportProblem
from mcp_sessiongen.type_parts import union_of

STATUS = ir.Named("Status", ("text",))
ITEM = ir.Named("Item")
STR, INT = ir.Scalar("str"), ir.Scalar("int")
APP_A = ir.Imported("app", "A")


class Existing:
    """Takes every class of `app` for one that exists, and no other."""

    def read(self, reference: str, arguments: tuple[ir.Type, ...]) -> ir.Type:
        module, _, qualname = reference.partition(":")
        if not module.startswith("app"):
            raise ImportProblem("import-failed", f"no {module}", "write app")
        return ir.Imported(module, qualname, arguments=arguments)

    def check(self, reference: str) -> None:
        raise AssertionError(reference)


def scope() -> Scope:
    return Scope({"Status": STATUS, "Item": ITEM}, {"Alias": "app.models:Thing", "Broken": ""}, Existing())


def problem(text: str) -> tuple[str, str]:
    with pytest.raises(AnnotationProblem) as caught:
        scope().parse(text)
    return caught.value.code, text[caught.value.start : caught.value.end]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("str", STR),
        ("Status", STATUS),
        ("list[Item]?", ir.Union((ir.Array("list", ITEM), ir.NONE))),
        ("app:A", APP_A),
        ("app.models:Outer.Inner", ir.Imported("app.models", "Outer.Inner")),
        ("app:A?", ir.Union((APP_A, ir.NONE))),
        ("app:A | None", ir.Union((APP_A, ir.NONE))),
        ("None|app:A", ir.Union((APP_A, ir.NONE))),
        ("dict[str,app:A]", ir.Table(STR, APP_A)),
        ("app:Page[app:A, Item?]", ir.Imported("app", "Page", arguments=(APP_A, union_of((ITEM, ir.NONE))))),
        ("Alias", ir.Imported("app.models", "Thing")),
        ("Alias[int]", ir.Imported("app.models", "Thing", arguments=(INT,))),
        ('Literal["app:A", "b?", \'c=\']', ir.Choice(("app:A", "b?", "c="))),
        ("Annotated[str, Field(max_length=9)]", ir.Constrained(STR, (("max_length", ir.Atom(9)),))),
        ("Annotated[str, Field()]", STR),
        ('Annotated[str, Field(pattern="a:b?=c")]', ir.Constrained(STR, (("pattern", ir.Atom("a:b?=c")),))),
    ],
)
def test_an_expression_has_the_type_that_it_says(text: str, expected: ir.Type) -> None:
    assert scope().parse(text).type == expected


@pytest.mark.parametrize(
    ("text", "default"),
    [
        ("int = 0", 0),
        ("dict[str, int] = {'a:b': 1, \"c?\": 2}", {"a:b": 1, "c?": 2}),
        ("dict[int, bool] = {1:True}", {1: True}),
        ("Annotated[int, Field(ge=1)] = 5", 5),
        ("app:A? = None", None),
        ("str? = '?'", "?"),
        ("str? = 'ä = b'", "ä = b"),
    ],
)
def test_a_default_is_python_whatever_stands_before_it(text: str, default: object) -> None:
    found = scope().parse(text)
    assert found.has_default
    assert found.default == default
    assert ast.literal_eval(text[found.default_start : found.default_end]) == default


@pytest.mark.parametrize(
    ("text", "code", "part"),
    [
        ("list[Itm]?", "unknown-type", "Itm"),
        ("dict[str?, nope:X | Itm]", "import-failed", "nope:X"),
        ("list[nope.a:X.Y[int]]", "import-failed", "nope.a:X.Y[int]"),
        ("app:A? | Itm", "unknown-type", "Itm"),
        ('tuple[Literal["äöü:漢?"], app:A?, Itm]', "unknown-type", "Itm"),
        ('list["app:A"]', "bad-type", '"app:A"'),
        ('list[r"app:A"]', "bad-type", 'r"app:A"'),
        ("Literal[app:A]", "bad-type", "app:A"),
        ("dict[str:int]", "bad-type", "dict[str:int]"),
        ("Item[int]", "bad-type", "Item[int]"),
        ("app.models.Item", "bad-type", "app.models.Item"),
        ("list[app:A?", "bad-type", "["),
        ("list[Annotated[str, Field(ge=1)]]", "bad-constraint", "1"),
        ("list[Annotated[str?, Field(max_lngth=1)]]", "bad-constraint", "max_lngth=1"),
        ("list[Annotated[str, Field(pattern=app:A)]]", "bad-constraint", "app:A"),
        ("app:A = app:B", "bad-type", ":"),
        ("int = app", "bad-default", "app"),
    ],
)
def test_a_problem_is_where_it_is_written(text: str, code: str, part: str) -> None:
    assert problem(text) == (code, part)


def test_what_was_reported_where_it_is_declared_is_not_reported_again() -> None:
    for text in ("Broken", "list[Broken?]", "Broken[int]"):
        with pytest.raises(ImportProblem) as caught:
            scope().parse(text)
        assert caught.value.code == ""


def test_names_of_one_file_mean_nothing_in_another() -> None:
    """Expressions are remembered; one that refers to a file's own types is not, beyond that file."""
    assert scope().parse("list[Status]").type == ir.Array("list", STATUS)
    with pytest.raises(AnnotationProblem):
        Scope({}, {}, Existing()).parse("list[Status]")
    assert Scope({}, {}, Existing()).parse("UUID").type == ir.Scalar("UUID")
    own = ir.Named("UUID")
    assert Scope({"UUID": own}, {}, Existing()).parse("UUID").type == own


SIGNS = [*"[](){}|?:=,.'\"\\# \n\t;@", "**", "...", ":=", "->", "\x00", "\u2028", "ä", "漢"]
WORDS = ["str", "int", "list", "dict", "tuple", "Literal", "Union", "Annotated", "Field", "None", "0", "-1.5", "1e999"]
NAMES = [
    "Item",
    "Alias",
    "Broken",
    "app:A",
    "nope:B",
    "max_length=",
    "b''",
    "f'{x}'",
    "lambda",
    "await",
    "in",
    "import",
]


@given(st.one_of(st.lists(st.sampled_from(SIGNS + WORDS + NAMES), max_size=25).map("".join), st.text(max_size=40)))
def test_any_text_is_a_type_or_a_problem_inside_of_it(text: str) -> None:
    found: object = None
    try:
        found = scope().parse(text).type
    except (AnnotationProblem, ImportProblem) as caught:
        found = caught
    if isinstance(found, AnnotationProblem):
        assert found.message
        assert found.hint
        assert 0 <= found.start < found.end <= max(1, len(text)), (found.start, found.end)
    elif isinstance(found, ImportProblem):
        assert found.code == ""
    else:
        assert isinstance(found, ir.Type)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 1000,
        "list[" * 300,
        "app:A" * 390,
        "a" * 2000,
        "a.b" * 600,
        "?" * 1990,
        '"' * 1999,
        "str|" * 400,
        "-" * 2000,
    ],
)
def test_no_text_takes_long_or_overflows(text: str) -> None:
    """These are among the longest that are read."""
    with pytest.raises(AnnotationProblem):
        scope().parse(text)


def test_nothing_longer_is_read() -> None:
    with pytest.raises(AnnotationProblem, match="2001 characters"):
        parse_text("a" * 2001)
