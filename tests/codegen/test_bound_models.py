"""Models that stay the user's: when they do, and what names the state of their rules."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

BEGINNING = """\
from typing import Annotated, Generic, TypeVar
from mcp_sessions import Key, SessionModel, ValueModel
from pydantic import *
T = TypeVar("T")
"""


def compiled(project: Path, run: Run, text: str, *, target: str = "") -> str:
    (project / "schema.py").write_text(BEGINNING + textwrap.dedent(text))
    for name in [name for name in sys.modules if name == "schema"]:
        del sys.modules[name]
    outcome = run("schema.py" + target, "-o", "out")
    assert (outcome.code, outcome.err) == (0, "")
    return (project / "out" / "schema.py").read_text()


def digest(text: str) -> str:
    found = re.search(r'digest="(\w+)"', text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    "body",
    [
        "x: int = Field(default=1, alias='y')",
        "x: int = Field(default=1, validation_alias=AliasChoices('x', 'y'))",
        "x: int = Field(default_factory=lambda: 1)",
        "x: int = Field(default=1, frozen=True)",
        "x: int = Field(default=1, repr=False)",
        "x: int = Field(default=1, exclude_if=bool)",
        "x: int = Field(default=1, validate_default=True)",
        "x: Annotated[int, AfterValidator(abs)] = 1",
        "x: list[Annotated[int, AfterValidator(abs)]] = []",
        "x: int | str = Field(default=1, union_mode='left_to_right')",
        "x: list[Json[int]] = []",
        "x: Base64Str = ''",
        "x: int = 1\n    _y: int = PrivateAttr(default=1)",
        "x: int = 1\n    model_config = ConfigDict(frozen=True)",
        "x: int = 1\n    def model_post_init(self, context: object) -> None: ...",
        "x: int = 1\n    @model_validator(mode='after')\n    def check(self): return self",
        "x: int = 1\n    @computed_field\n    def double(self) -> int: return 2",
    ],
)
def test_a_session_with_machinery_is_bound(body: str, project: Path, run: Run) -> None:
    assert '("x", model=Cart)' in compiled(project, run, f"class Cart(SessionModel):\n    {body}\n")


@pytest.mark.parametrize(
    "body",
    [
        "x: int = 1",
        "x: int = Field(default=1, ge=0, description='d', examples=[1], title='t')",
        "x: list[int] = Field(default_factory=list)",
        "x: list[int] = Field(default_factory=list[int])",
        "x: list[PositiveInt] = []",
        "x: Annotated[int, Key(ttl='5m'), 'a note'] = 1",
        "x: int = 1\n    model_config = ConfigDict(title='T', use_attribute_docstrings=True)",
        "x: int = 1\n    def method(self) -> int: return 1",
    ],
)
def test_a_session_that_generated_code_can_stand_for_is_compiled(body: str, project: Path, run: Run) -> None:
    assert "model=" not in compiled(project, run, f"class Cart(SessionModel):\n    {body}\n")


def test_a_value_model_and_a_plain_model_are_bound_when_they_are_named(project: Path, run: Run) -> None:
    for base in ("ValueModel", "BaseModel"):
        text = compiled(project, run, f"class Line({base}):\n    x: int = 1\n", target=":Line")
        assert "Session[Line, LineKey]" in text


def test_a_generic_model_is_named_by_its_alias(project: Path, run: Run) -> None:
    body = "class Page(BaseModel, Generic[T]):\n    items: list[T] = []\nIntPage = Page[int]\n"
    text = compiled(project, run, body, target=":IntPage")
    assert "class IntPageSession(Session[Page[int], IntPageKey]" in text


def test_the_digest_follows_what_the_model_accepts_and_not_what_it_says(project: Path, run: Run) -> None:
    def of(field: str) -> str:
        body = f"class Order(BaseModel):\n    x: int = Field({field})\n"
        return digest(compiled(project, run, body, target=":Order"))

    first = of("default=1, ge=0")
    assert of("default=2, ge=0, title='T', examples=[3]") == first
    assert of("default=1, ge=1") != first


def test_the_digest_is_the_same_in_every_process(project: Path) -> None:
    body = 'class Order(BaseModel):\n    tags: set[str] = {"a", "b", "c"}\n    y: int = Field(default_factory=int)\n'
    (project / "schema.py").write_text(BEGINNING + body)
    made = set()
    for seed in ("0", "1", "2"):
        command = [sys.executable, "-m", "mcp_sessiongen", "generate", "schema.py:Order", "-o", f"out{seed}"]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed})
        made.add((project / f"out{seed}" / "schema.py").read_text())
    assert len(made) == 1


@pytest.mark.skipif(sys.version_info < (3, 12), reason="needs the type statement of Python 3.12")
def test_type_statements_and_type_parameters_are_understood(project: Path, run: Run) -> None:
    body = """\
        type Ids = list[int]
        type Pair[A] = tuple[A, A]
        type Tree = dict[str, Tree] | int
        class Page[A](BaseModel):
            items: list[A]
        class Cart(SessionModel):
            ids: Ids = []
            pair: Pair[int]
            tree: Tree
            page: Page[str]
        """
    text = compiled(project, run, body)
    assert "from schema import Ids, Page, Pair, Tree" in text
    assert 'Key[Pair[int], Pair[int] | None]("pair", Pair[int])' in text
