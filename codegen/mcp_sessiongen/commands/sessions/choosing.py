"""Which sessions a command line names: by whole ids, by what log lines have of them, or on stdin."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_sessiongen.commands.shared import Reporter
from mcp_sessiongen.commands.stores import progress_bar

_MANY: Final = 2000
"""Of how many sessions on it takes long enough to go through them that it is shown how far it is."""

if TYPE_CHECKING:
    from mcp_sessions.admin import Summary
    from mcp_sessions.stores import Store


def texts_of(given: tuple[str, ...]) -> list[str]:
    """Return what was given; for "-" the lines of stdin, so that no id shows in a list of processes or a history.

    Raises:
        click.UsageError: If there is nothing on stdin.
    """
    texts = []
    for text in given:
        if text != "-":
            texts.append(text)
            continue
        lines = [line.strip() for line in sys.stdin if line.strip()]
        if not lines:
            raise click.UsageError("There is no id on stdin: write one a line.")
        texts += lines
    return texts


@asynccontextmanager
async def whole_store(store: "Store", *, quiet: bool = False) -> AsyncIterator[Any]:
    """Show how far something is that looks at all sessions, where there are many and somebody watches."""
    total = await store.count()
    with progress_bar(total, quiet=quiet or total < _MANY) as bar:
        yield bar


async def chosen(store: "Store", text: str, schema: str | None, reporter: Reporter) -> "list[Summary]":
    """Return the session that a text names, or an MCP session and all that is in it; tell if there is none, or several.

    Args:
        store: Where it is.
        text: An id, the beginning of one, or a reference.
        schema: Of what schema it is, to tell it from others.
        reporter: Tells.
    """
    from mcp_sessiongen.commands.sessions.rows import Printer
    from mcp_sessiongen.diagnostics import clipped
    from mcp_sessiongen.names import did_you_mean
    from mcp_sessions.admin import find
    from mcp_sessions.ids import is_handle, masked

    is_whole = is_handle(text, text.rpartition("_")[0])
    async with whole_store(store, quiet=is_whole) as bar:
        every = await find(store, text, progress=bar.update)
    found = [one for one in every if schema in (None, one.schema)]
    shown = clipped(text if len(text) < 24 else masked(text))
    if not found:
        near = did_you_mean(schema, sorted({one.schema for one in every})) if schema else ""
        of = f" of schema {clipped(schema)}" if schema else ""
        reporter.note(f"no live session: {shown}{of}{near and '; ' + near}")
        return []
    if len({(one.space, one.address.id) for one in found}) == 1:
        return sorted(found, key=lambda one: (not one.address.is_parent, one.schema))
    reporter.note(f"{shown} names {len(found)} sessions; write more of the id, or a reference:")
    printer = Printer("table", references=True, err=True)
    for one in found:
        printer.add(one)
    printer.finish()
    return []
