"""The suite for stores of others' own: it runs in a project without any settings, and finds what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

OWN = '''
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mcp_sessions.stores import MemoryStore, Store
from mcp_sessions.testing import FakeClock, StoreContract


class OwnStore(MemoryStore):
    """A store that is right, but for what follows."""
{flaw}

class TestOwnStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: FakeClock) -> AsyncIterator[Store]:
        store = OwnStore(clock=clock)
        yield store
        await store.aclose()
'''

CARELESS = """
    async def read(self, access, keys=None):
        found = await self.look_up(access.address)
        return await super().read(replace(access, owner=found.owner) if found else access, keys)
"""

HEEDLESS = """
    async def names(self, access):
        return await super().names(replace(access, reads=0))
"""


def run(folder: Path, flaw: str) -> tuple[int, str]:
    (folder / "test_own.py").write_text(OWN.format(flaw=flaw))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "test_own.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


def test_a_store_that_keeps_the_contract_passes(tmp_path: Path) -> None:
    code, output = run(tmp_path, "")
    assert code == 0, output
    assert int(output.split(" passed")[0].rpartition("\n")[2]) > 200


@pytest.mark.parametrize(
    ("flaw", "finding"),
    [
        (CARELESS, "test_a_stranger_finds_nothing_and_changes_nothing[read]"),
        (HEEDLESS, "test_a_session_of_a_version_that_does_not_get_along_is_refused_and_left_alone[kept0-asks0-names]"),
    ],
)
def test_a_store_that_does_not_keep_it_is_told_what_is_wrong(tmp_path: Path, flaw: str, finding: str) -> None:
    code, output = run(tmp_path, flaw)
    assert code == 1, output
    assert f"FAILED test_own.py::TestOwnStore::{finding}" in output
    assert "DID NOT RAISE" in output
