"""Python schemas that lie, raise or are never complete: a diagnostic each, or a module that says what was meant."""

import ast
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

Run: TypeAlias = Callable[..., Any]

BEGINNING = """\
import sys
import warnings
from datetime import datetime, tzinfo
from enum import IntEnum, StrEnum
from typing import Annotated, Literal
from mcp_sessions import Key, SessionModel, ValueEnum, ValueModel
from pydantic import *
warnings.simplefilter("ignore")
"""

REFUSED = {
    "a validator of Pydantic 1": (
        "class Cart(BaseModel):\n    a: int = 0\n    @validator('a')\n    def check(cls, value): return value",
        "check of Cart is a validator of Pydantic 1",
    ),
    "a root validator": (
        "class Cart(BaseModel):\n    a: int = 0\n    @root_validator(skip_on_failure=True)\n"
        "    def check(cls, values): return values",
        "check of Cart is a validator of Pydantic 1",
    ),
    "a name inside of a model that is never defined": (
        "class Item(BaseModel):\n    a: 'Nothing'\nclass Cart(SessionModel):\n    items: list[Item] = []",
        "Item refers to 'Nothing', which is defined nowhere",
    ),
    "the same in a model that is bound": (
        "class Item(BaseModel):\n    a: 'Nothing'\nclass Cart(BaseModel):\n    item: Item | None = None",
        "Item refers to 'Nothing', which is defined nowhere",
    ),
    "a time zone that raises": (
        "class Zone(tzinfo):\n    def utcoffset(self, at): raise RuntimeError('no zone')\n"
        "class Cart(SessionModel):\n    at: datetime = datetime(2020, 1, 1, tzinfo=Zone())",
        "the module raised RuntimeError: no zone when it was asked what it declares",
    ),
    "a field that is called as the type of another": (
        "class Cart(BaseModel):\n    last: set[Literal['a', 'b']] = set()\n    CartLast: int",
        "key 'CartLast' is what the type of another key would be called",
    ),
    "a module that answers nothing": (
        "class Silent:\n    def __getattr__(self, name): raise RuntimeError(name)\nsys.modules[__name__] = Silent()",
        "when it was asked what it declares",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_asked_is_refused_with_its_place(name: str, project: Path, run: Run) -> None:
    body, message = REFUSED[name]
    (project / "schema.py").write_text(BEGINNING + textwrap.dedent(body) + "\n")
    target = "schema.py:Cart" if "class Cart(BaseModel)" in body else "schema.py"
    outcome = run("generate", target, "-o", "out")
    sys.modules.pop("schema", None)
    assert outcome.code == 2
    assert message in outcome.err
    assert "internal error" not in outcome.text
    assert not (project / "out").exists()


def test_texts_and_numbers_are_what_they_are_whatever_their_classes_say(project: Path, run: Run) -> None:
    body = """\
class Text(str):
    def __format__(self, how): return 'x"; import os'
    __str__ = __repr__ = lambda self: 'import os'
class Number(int):
    __str__ = __repr__ = lambda self: 'import os'
class Share(float):
    __str__ = __repr__ = lambda self: 'import os'
class Limit(IntEnum):
    LOW = 3
class Reason(StrEnum):
    OLD = "Use b."
class Cart(SessionModel):
    a: Annotated[str, Key(deprecated=Text("Use b.")), Field(description=Text("Said."), max_length=Limit.LOW)] = ""
    b: Annotated[str, Key(deprecated=Reason.OLD), Field(pattern=Text("^b$"))] = Text("b")
    c: Annotated[float, Field(ge=Share(1))] = Share(2)
    d: list[Annotated[int, Field(le=Number(9))]] = []
Cart.__doc__ = 5
"""
    (project / "schema.py").write_text(BEGINNING + body)
    outcome = run("generate", "schema.py", "-o", "out")
    assert (outcome.code, outcome.err) == (0, "")
    text = (project / "out" / "schema.py").read_text()
    assert "os" not in {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
    assert "import os" not in text
    for said in ('"Use b."', "max_length=3", 'pattern="^b$"', "ge=1.0", "Field(le=9)"):
        assert said in text
