"""The compiler and the runtime read durations alike."""

import json

import pytest

from mcp_sessiongen.analyze import analyze
from mcp_sessiongen.diagnostics import Report, SchemaErrors
from mcp_sessiongen.load.yaml_schema import load_yaml
from mcp_sessions.durations import seconds

TEXTS = [
    *("30m", "24h", "7d", "1h30m", "90s", "1.5h", "0.5s", "1m1m", "1d2h3m4s", "007s", "999999999999s", "0.000001s"),
    *("", "30", "m", "30 m", " 30m", "30m ", "30M", "-1m", "+1m", "1,5h", ".5h", "1.h", "1e3s", "0s", "0m0s", "0.0d"),
    *("30min", "1w", "1y", "1h 30m", "1h30", "inf", "nan", "30m\n", "xm", "forever", "1..5h"),
    *("9999999999999d", "1.0000001s", "\u0663m"),
]


def compiled(text: str) -> float | None:
    report = Report()
    schema = {"sessiongen": 1, "sessions": {"a": {"lifetime": {"idle": text}, "keys": {"x": "int"}}}}
    declared = load_yaml("a.yaml", json.dumps(schema).encode(), report)
    module = analyze(declared, report)
    try:
        report.raise_if_any()
    except SchemaErrors:
        return None
    return module.sessions[0].idle


def run_time(text: str) -> float | None:
    try:
        return seconds(text)
    except ValueError:
        return None


@pytest.mark.parametrize("text", TEXTS)
def test_a_duration_means_the_same_to_the_compiler_and_at_run_time(text: str) -> None:
    assert compiled(text) == run_time(text)
