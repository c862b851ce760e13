"""The error tree, and how a framework's adapter makes it that framework's own."""

import copy
import pickle
import re

import pytest

from mcp_sessions import errors
from mcp_sessions.errors import (
    SessionError,
    SessionNotFoundError,
    SessionRequiredError,
    StoreError,
    StoreUrlError,
)


def drawn_tree() -> dict[str, str]:
    """Parse the tree in the module's docstring: class -> parent."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^([ |+-]*)([A-Z]\w+Error)\b", line)
        if found:
            depth, name = len(found.group(1)), found.group(2)
            while path and path[-1][0] >= depth:
                path.pop()
            parents[name] = path[-1][1] if path else "Exception"
            path.append((depth, name))
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_the_classes() -> None:
    classes = {
        name: next(base.__name__ for base in cls.__mro__[1:] if base.__name__ in (*vars(errors), "Exception"))
        for name, cls in vars(errors).items()
        if isinstance(cls, type) and issubclass(cls, Exception)
    }
    assert drawn_tree() == classes


def test_an_adapter_makes_every_error_an_instance_of_the_frameworks_class(monkeypatch: pytest.MonkeyPatch) -> None:
    class FrameworkError(Exception):
        pass

    class OtherError(Exception):
        pass

    monkeypatch.setattr(SessionError, "_framework_bases", ())
    assert not isinstance(SessionRequiredError("x"), FrameworkError)
    errors.also_raise_as(FrameworkError)
    errors.also_raise_as(FrameworkError, OtherError)
    assert SessionError._framework_bases == (FrameworkError, OtherError)
    raised = SessionNotFoundError("no such session")
    assert isinstance(raised, FrameworkError)
    assert isinstance(raised, OtherError)
    assert isinstance(raised, SessionNotFoundError)
    assert str(raised) == "no such session"
    assert type(raised).__name__ == "SessionNotFoundError"
    with pytest.raises(SessionNotFoundError):
        raise raised


def test_what_is_known_of_a_failure_besides_its_text_is_copied_and_pickled_with_it() -> None:
    failure = StoreError("the server went away", in_doubt=True)
    for again in (copy.copy(failure), pickle.loads(pickle.dumps(failure))):
        assert (str(again), again.in_doubt, again.is_about_input) == ("the server went away", True, False)
    assert StoreUrlError("no").in_doubt is False


def test_an_error_can_be_pickled_with_and_without_frameworks(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = pickle.loads(pickle.dumps(SessionNotFoundError("no such session")))
    assert isinstance(plain, SessionNotFoundError)
    monkeypatch.setattr(SessionError, "_framework_bases", (RuntimeError,))
    combined = pickle.loads(pickle.dumps(SessionNotFoundError("no such session")))
    assert isinstance(combined, SessionNotFoundError)
    assert isinstance(combined, RuntimeError)
    assert str(combined) == "no such session"


@pytest.mark.parametrize(
    ("cls", "builtin"),
    [
        (errors.SessionKeyError, LookupError),
        (errors.SessionValueError, ValueError),
        (errors.StoreUrlError, ValueError),
        (errors.InterfaceError, ImportError),
    ],
)
def test_errors_that_have_a_builtin_kin_are_of_it_too(cls: type[SessionError], builtin: type[Exception]) -> None:
    raised = cls("why")
    assert isinstance(raised, builtin)
    assert str(raised) == "why"
