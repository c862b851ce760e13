"""The rules of the categories `data` and `servers`: stored values that do not read, in one direction or the other."""

from collections.abc import Iterator
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.problems import Problem
from mcp_sessiongen.breaking.subject import Pair, finding
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.type_rules import describe

_BESIDE: Final = "add a key of the new type beside this one, and read this one where that is unset"
_LARGE: Final = "numbers beyond 2**53 read as others: add a key beside this one, unless ge and le keep it within"
_LATER: Final = "release the code that reads such values first, and the code that writes them after it"


def unreadable_data(pair: Pair) -> Iterator[Diagnostic]:
    """Find what released code has stored and the new code does not read as it was."""
    for name in pair.old_keys:
        if name not in pair.new_keys:
            yield _gone(pair, name)
    if pair.old.scope != pair.new.scope:
        message = f"{pair.what} had scope {pair.old.scope} and has scope {pair.new.scope}: its sessions are not found"
        hint = "keep the scope, or begin a session of another name"
        yield finding(pair.place(), "breaking-scope-changed", message, hint)
    if _is_bound_anew(pair):
        message = f"what the model of {pair.what} accepts has changed, so what is stored may be refused"
        hint = "make sure in a test that it reads stored values, then ignore this rule once"
        yield finding(pair.place(), "breaking-model-changed", message, hint)
    for _, key in pair.kept:
        for problem in pair.backward(key):
            yield from _of_data(pair, key, problem)


def unreadable_for_servers(pair: Pair) -> Iterator[Diagnostic]:
    """Find what the new code writes and released servers do not read as it is."""
    if _is_bound_anew(pair):
        message = f"what the model of {pair.what} accepts has changed, so released servers may refuse what is written"
        yield finding(pair.place(), "breaking-type-widened", message, _LATER)
    for _, key in pair.kept:
        for problem in pair.forward(key):
            yield from _of_servers(pair, key, problem)


def _gone(pair: Pair, name: str) -> Diagnostic:
    if name in pair.renamed:
        key = pair.renamed[name].name
        message = f"key {name!r} is called {key!r} now, and stored values are not moved: it is unset in every session"
        hint = f"keep {name!r} too, deprecated, and read it where {key!r} is unset"
        return finding(pair.place(key), "breaking-key-renamed", message, hint)
    message = f"key {name!r} of {pair.what} is gone: what is stored under it is never read again"
    hint = f"keep it, deprecated; or if its values may go, add it to the list:  reserved: [{name}]"
    if name in pair.new.reserved:
        hint = "keep it, deprecated; or if its values may go, ignore this rule until the next snapshot"
    return finding(pair.place(), "breaking-key-removed", message, hint)


def _is_bound_anew(pair: Pair) -> bool:
    return (pair.old.model, pair.old.fingerprint) != (pair.new.model, pair.new.fingerprint)


def _of_data(pair: Pair, key: ir.Field, problem: Problem) -> Iterator[Diagnostic]:
    owner, field = problem.reader
    what = _called(key, owner, field)
    span = pair.now.place(owner, field) if owner else pair.place(key.name)
    match problem.kind:
        case "constraint":
            message = f"{what} has {problem.read} and had {problem.written}: stored values may violate it"
            hint = "keep the constraint, and check new values before they are written"
            yield finding(span, "breaking-constraint-tightened", message, hint)
        case "value":
            message = f"{what} has no {problem.written} any more, which may be stored"
            yield finding(span, "breaking-value-removed", message, "keep it until no stored session has it")
        case "lost":
            message = f"field {problem.written!r} of {owner} is gone: its stored values are lost with the next write"
            hint = "keep it, with a default, until no stored session has it"
            yield finding(span, "breaking-field-removed", message, hint)
        case "required" | "default":
            message = f"{what} has no default, and stored values may be without it"
            yield finding(span, "breaking-field-required", message, "give it a default")
        case "type":
            now = describe(key.type if not owner else _field_type(pair, owner, field) or key.type)
            message = f"{what} is {_short(now)} and stored values may be {_short(problem.written)}"
            note = f", which {_short(problem.read)} does not read" if problem.read != now else ""
            is_float = (problem.written, problem.read) == ("int", "float")
            yield finding(span, "breaking-type-changed", message + note, _BESIDE if not is_float else _LARGE)


def _of_servers(pair: Pair, key: ir.Field, problem: Problem) -> Iterator[Diagnostic]:
    owner, field = problem.writer
    what = _called(key, owner, field)
    span = pair.now.place(owner, field) if owner else pair.place(key.name)
    match problem.kind:
        case "constraint":
            message = f"{what} has {problem.written} and had {problem.read}: released servers may refuse new values"
            yield finding(span, "breaking-constraint-loosened", message, _LATER)
        case "value":
            message = f"{what} has {problem.written}, which released servers do not know"
            yield finding(span, "breaking-value-added", message, _LATER)
        case "lost":
            message = f"{what} is new: released servers drop it when they write a value back"
            hint = "give it a default, and rely on it only once no released server runs any more"
            yield finding(span, "breaking-field-added", message, hint)
        case "required":
            message = f"field {problem.read!r} of {owner} is not written any more, and released servers require it"
            yield finding(span, "breaking-field-dropped", message, "keep it until none of them runs any more")
        case "type":
            message = f"{what} may be {_short(problem.written)}, and released servers expect {_short(problem.read)}"
            yield finding(span, "breaking-type-widened", message, _LATER)
        case "default":  # what is written has all fields
            pass


def _called(key: ir.Field, owner: str, field: str) -> str:
    if not owner:
        return f"key {key.name!r}"
    return f"field {field!r} of {owner}" if field else f"type {owner}"


def _field_type(pair: Pair, owner: str, field: str) -> ir.Type | None:
    model = pair.now.types.models.get(owner)
    return next((item.type for item in model.fields if item.name == field), None) if model else None


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "..."
