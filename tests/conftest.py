"""What every test shares. Fixtures that only one part needs live beside its tests."""

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# Only tests of our own plugin want pytest-asyncio, and say so; in projects that tests make it has nothing to warn of.
os.environ["PYTEST_ADDOPTS"] = "-p no:asyncio"

# A busy machine is no bug: how long one example takes is never a failure here.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


def pytest_collection_finish() -> None:
    """Leave out of garbage collections what stays to the end: with thousands of tests that is most of their work."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def anyio_backend() -> str:
    """Run coroutine tests on asyncio, as servers on the SDK do."""
    return "asyncio"


@pytest.fixture(scope="session")
def repository() -> Path:
    """The top folder of the checkout."""
    return Path(__file__).resolve().parent.parent
