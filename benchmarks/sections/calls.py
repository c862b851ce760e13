"""A tool call over HTTP with one get and one set: what ``tool_calls`` measures, as a part of the whole report."""

from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace

import tool_calls
from bench import Bench
from report import Goal, Section


def over_http(bench: Bench) -> Iterator[Section]:
    """Measure what sessions add to the server's processor time of a call."""
    aims: list[Goal] = []
    options = Namespace(quick=bench.scale < 1, no_peers=not bench.peers)
    _, *lines = tool_calls.sections(options, bench.servers, aims)
    section = Section("A tool call over HTTP", [f"#{line}" if line.startswith("## ") else line for line in lines])
    for aim in aims:
        measured = f"tool call over HTTP, {aim.measured}: server's processor time added by one get and one set"
        section.goals.append(replace(aim, measured=measured, goal=f"at most {aim.goal}"))
    yield section
