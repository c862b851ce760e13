"""What has changed, in words that begin a message or are a reason."""

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.problems import Problem
from mcp_sessiongen.breaking.subject import Pair
from mcp_sessiongen.type_rules import describe

_LONGEST = 60


def of_reading(pair: Pair, key: ir.Field, problem: Problem) -> str:
    """Return what is wrong with reading with a key of the new code what is stored."""
    owner, field = problem.reader
    what = _called(key, owner, field)
    match problem.kind:
        case "constraint":
            return f"{what} has {problem.read} and had {problem.written}"
        case "value":
            return f"{what} has no {problem.written} any more"
        case "lost":
            return f"field {problem.written!r} of {owner} is gone"
        case "required" | "default":
            return f"{what} has no default"
        case "type":
            now = describe(key.type if not owner else _field_type(pair, owner, field) or key.type)
            note = f", which {_short(problem.read)} does not read" if problem.read != now else ""
            return f"{what} is {_short(now)} and stored values may be {_short(problem.written)}{note}"


def of_writing(key: ir.Field, problem: Problem) -> str:
    """Return what is wrong with reading with the released code what the new code writes; "" for nothing."""
    owner, field = problem.writer
    what = _called(key, owner, field)
    match problem.kind:
        case "constraint":
            return f"{what} has {problem.written} and had {problem.read}"
        case "value":
            return f"{what} has {problem.written}, which released servers do not know"
        case "lost":
            return f"{what} is new"
        case "required":
            return f"field {problem.read!r} of {owner} is not written any more"
        case "type":
            return f"{what} may be {_short(problem.written)}, and released servers expect {_short(problem.read)}"
        case "default":  # what is written has all fields
            return ""


def _called(key: ir.Field, owner: str, field: str) -> str:
    if not owner:
        return f"key {key.name!r}"
    return f"field {field!r} of {owner}" if field else f"type {owner}"


def _field_type(pair: Pair, owner: str, field: str) -> ir.Type | None:
    model = pair.now.types.models.get(owner)
    return next((item.type for item in model.fields if item.name == field), None) if model else None


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
