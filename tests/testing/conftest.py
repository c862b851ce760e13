"""Servers that sessions of tests are kept on, and a user's project with compiled schemas."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.stores.postgres_server import PostgresServer, postgres_server
from tests.stores.valkey_server import ValkeyServer, cluster_running, running


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with running(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ValkeyServer]]:
    with cluster_running(tmp_path_factory.mktemp("cluster")) as nodes:
        yield nodes


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with postgres_server() as server:
        yield server


@pytest.fixture
def state(repository: Path, pytester: pytest.Pytester) -> Path:
    """The compiled examples, as the package ``state`` of the project that pytester has."""
    return Path(
        shutil.copytree(
            repository / "examples/state", pytester.path / "state", ignore=shutil.ignore_patterns("__pycache__")
        )
    )
