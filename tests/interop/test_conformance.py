"""The protocol's conformance suite for servers, against a server of ours that has whatever the suite asks for."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.interop.processes import cluster

HERE = Path(__file__).parent
SUITE = Path("@modelcontextprotocol", "conformance", "dist", "index.js")


@dataclass(frozen=True)
class Case:
    """A way to serve, how much the suite tries, and the file of what it fails."""

    revision: str
    scenarios: int
    processes: int
    known: str
    options: dict[str, Any] = field(default_factory=dict)
    """Those of ``Sessions.http_app``."""


CASES = [
    Case("2025-11-25", 33, 1, "stateless-2025-11-25"),
    Case("2025-11-25", 33, 2, "stateless-2025-11-25"),
    Case("2026-07-28", 40, 1, "stateless-2026-07-28"),
    Case("2026-07-28", 40, 2, "stateless-2026-07-28"),
    Case("2025-11-25", 33, 1, "stateful-2025-11-25", {"stateless": False}),
    Case("2026-07-28", 40, 1, "stateful-2026-07-28", {"stateless": False}),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.known}-{case.processes}")
def test_the_conformance_suite_fails_what_is_known_and_nothing_else(
    case: Case, installed: Callable[[str], Path], tmp_path: Path, run: Callable[..., str]
) -> None:
    """Nothing fails, and there is no warning, that the file does not list; nor does it list what passes."""
    home = installed("node")
    if (version := run([home / "node", "--version"])) < "v22":
        pytest.skip(f"NOT TESTED: the conformance suite, which needs Node 22 or newer; this is {version.strip()}")
    known = HERE / "expected-failures" / f"{case.known}.yml"
    results = tmp_path / "results"
    suite = [home / "node", home / "node_modules" / SUITE, "server", "--suite", "all", "--spec-version", case.revision]
    suite += ["--expected-failures", known, "--output-dir", results]
    program = HERE / "everything" / "server.py"
    with cluster(tmp_path, case.processes, program, "{port}", "sqlite:///s.db", json.dumps(case.options)) as running:
        said = run([*suite, "--url", running.url])
        servers = {request.server for request in running.seen()}
    assert "Traceback" not in "".join(running.logs), "\n".join(running.logs)
    assert len(list(results.glob("*/checks.json"))) == case.scenarios
    assert servers == set(range(case.processes))
    if case.revision == "2025-11-25":
        assert "✓ server-session-lifecycle: 3 passed, 0 failed" in said
