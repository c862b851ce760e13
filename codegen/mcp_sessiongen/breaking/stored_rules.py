"""The rules of the category `data`: what is stored and does not read, or is never read again."""

from collections.abc import Iterator
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking import facts
from mcp_sessiongen.breaking.moves import after_functions, names_after, readers
from mcp_sessiongen.breaking.problems import Problem
from mcp_sessiongen.breaking.subject import Pair, finding
from mcp_sessiongen.diagnostics import Diagnostic

_BESIDE: Final = "add a key of the new type beside this one, and read this one where that is unset"
_LARGE: Final = "numbers beyond 2**53 read as others: add a key beside this one"


def unreadable_data(pair: Pair) -> Iterator[Diagnostic]:
    """Find what released code has stored and the new code does not read as it was, migrated or not."""
    if pair.old.scope != pair.new.scope:
        message = f"{pair.what} had scope {pair.old.scope} and has scope {pair.new.scope}: its sessions are not found"
        hint = "keep the scope, or begin a session of another name"
        yield finding(pair.place(), "breaking-scope-changed", message, hint)
    if is_bound_anew(pair):
        message = f"what the model of {pair.what} accepts has changed, so what is stored may be refused"
        hint = "make sure in a test that it reads stored values, then ignore this rule once"
        yield finding(pair.place(), "breaking-model-changed", message, hint)
    left = after_functions(pair)
    if left is not None:
        yield from _of_keys(left)


def is_bound_anew(pair: Pair) -> bool:
    """Tell whether what the session's class accepts is another thing."""
    return (pair.old.model, pair.old.fingerprint) != (pair.new.model, pair.new.fingerprint)


def _of_keys(pair: Pair) -> Iterator[Diagnostic]:
    names = names_after(pair)
    for old, name in names.items():
        if name not in pair.new_keys and name not in pair.new.reserved:
            yield _unmoved(pair, old) if old in pair.renamed and not pair.is_migrated else _gone(pair, old)
        if name != old and names.get(name) == name:
            yield _hidden(pair, old, name)
    for old_key, key in readers(pair, names):
        for problem in pair.reading(old_key, key):
            yield _of_problem(pair, key, problem)


def _gone(pair: Pair, name: str) -> Diagnostic:
    message = f"key {name!r} of {pair.what} is gone: what is stored under it is never read again"
    hint = f"if its values may go, add it to the list:  {pair.wording.reserved([name])}  else keep it, deprecated"
    return finding(pair.place(), "breaking-key-removed", message, hint)


def _hidden(pair: Pair, old: str, name: str) -> Diagnostic:
    message = f"key {old!r} is called {name!r} now, and there was a key {name!r} already: where that is set, it stays"
    return finding(pair.place(name), "breaking-key-renamed", message, f"choose another name; or {_function(pair)}")


def _unmoved(pair: Pair, name: str) -> Diagnostic:
    key = pair.renamed[name].name
    message = f"key {name!r} is called {key!r} now, and its values are moved only when the version is raised"
    hint = f"write  {pair.next_version}"
    if pair.is_raised:
        message = f"key {name!r} is called {key!r} now, and its values are not moved: the versions seem to get along"
        hint = f"write history/{pair.new.name}.v{pair.old.version}.yaml anew: it is not what was released"
    return finding(pair.place(key), "breaking-key-renamed", message, hint)


def _of_problem(pair: Pair, key: ir.Field, problem: Problem) -> Diagnostic:
    owner, field = problem.reader
    fact = facts.of_reading(pair, key, problem)
    match problem.kind:
        case "constraint":
            found = "breaking-constraint-tightened", f"{fact}: stored values may violate it", "keep the constraint"
        case "value":
            found = "breaking-value-removed", f"{fact}, which may be stored", "keep it until no stored session has it"
        case "lost":
            message = f"{fact}: its stored values are lost with the next write"
            found = "breaking-field-removed", message, "keep it, with a default, until no stored session has it"
        case "required" | "default":
            found = "breaking-field-required", f"{fact}, and stored values may be without it", "give it a default"
        case "type":
            is_float = (problem.written, problem.read) == ("int", "float")
            found = "breaking-type-changed", fact, _LARGE if is_float else _BESIDE
    code, message, keep = found
    span = pair.now.place(owner, field) if owner else pair.place(key.name)
    return finding(span, code, message, f"{keep}; or {_function(pair)}")


def _function(pair: Pair) -> str:
    function = f"begin a migration function:  {pair.command}" if pair.command else "declare a migration function"
    return function if pair.is_raised else f"write  {pair.next_version}  and {function}"
