"""The rules of the category `tools`: what models and clients see of a session otherwise than they did."""

from collections.abc import Iterator

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.subject import Pair, finding
from mcp_sessiongen.diagnostics import Diagnostic


def tools(pair: Pair) -> Iterator[Diagnostic]:
    """Find tools, arguments and parameters that are not as clients know them."""
    old, new = pair.old, pair.new
    if not _has_handles(old):
        return
    if _has_handles(new) and _argument(old) != _argument(new):
        kept = pair.wording.option("handle", _argument(old))
        message = f"the handle of {pair.what} was the argument {_argument(old)!r} and is {_argument(new)!r}"
        yield finding(pair.place(), "breaking-handle-renamed", message, f"keep it:  {kept}")
    yield from _tools(pair)
    if _has_handles(new):
        yield from _parameters(pair)


def tool_names(session: ir.Session) -> dict[str, str]:
    """Return the names of a session's tools, by what they do."""
    if not _has_handles(session):
        return {}
    argument = _argument(session)
    names = {
        "create": session.create_tool or f"create_{argument}",
        "end": session.end_tool or f"end_{argument}",
        "list": session.list_tool,
    }
    return {verb: name for verb, name in names.items() if name}


def _has_handles(session: ir.Session) -> bool:
    return session.scope in ("auto", "handle")


def _argument(session: ir.Session) -> str:
    return session.handle or session.name


def _tools(pair: Pair) -> Iterator[Diagnostic]:
    now = tool_names(pair.new)
    for verb, name in tool_names(pair.old).items():
        if name not in now.values():
            message = f"tool {name!r} is called {now[verb]!r} now" if verb in now else f"tool {name!r} is gone"
            hint = f"keep it:  {pair.wording.tool(verb, name)}"
            if pair.new.scope in ("transport", "user"):
                hint = f"sessions of the scope {pair.new.scope} have no handles, and so no tools: keep the scope"
            yield finding(pair.place(), "breaking-tool-removed", message, hint)


def _parameters(pair: Pair) -> Iterator[Diagnostic]:
    tool = tool_names(pair.new)["create"]
    optional = pair.wording.key("create", "optional")
    for old in pair.old.keys:
        key = pair.new_keys.get(old.name)
        if old.create and not (key and key.create):
            message = f"{tool} has no parameter {old.name!r} any more"
            span = pair.place(old.name)
            yield finding(span, "breaking-parameter-removed", message, f"keep the key, with  {optional}")
    for key in pair.new.keys:
        was = pair.old_keys.get(key.name)
        if key.create == "required" and (was is None or was.create != "required"):
            message = f"{tool} requires the parameter {key.name!r} now"
            yield finding(pair.place(key.name), "breaking-parameter-required", message, f"write  {optional}")
        if key.create and was and was.create and pair.backward(key):
            message = f"{tool} may refuse what its parameter {key.name!r} took"
            hint = "add a parameter beside this one"
            yield finding(pair.place(key.name), "breaking-parameter-type", message, hint)
