"""What the Dockerfile builds, made in a folder by its lines, one after the other."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each as its word and the rest."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for line in joined.splitlines() if line for word, _, rest in [line.partition(" ")]]


def surroundings() -> dict[str, str]:
    """The environment, without what it says about this Python and the coverage of its tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE"))}
    return {name: value for name, value in kept.items() if name not in ("MCP_SESSIONS_STORE", "ALLOWED_HOSTS")}


@dataclass
class Image:
    """A built image: the folder that stands for its root, and what it says of how to run it."""

    root: Path
    workdir: Path = Path()
    environment: dict[str, str] = field(default_factory=surroundings)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)

    def place(self, path: str) -> Path:
        """Where a path of the image is, relative to its working folder."""
        return self.root / path.lstrip("/") if path.startswith("/") else self.workdir / path

    def moved(self, text: str) -> str:
        """Return a text with the folders of the image replaced by those here."""
        return re.sub(r"(?<![\w.])/(src|opt/app|srv)\b", rf"{self.root}/\1", text)

    def take(self, word: str, rest: str, context: Path) -> None:
        """Carry out one instruction."""
        if word == "WORKDIR":
            self.workdir = self.place(rest)
            self.workdir.mkdir(parents=True)
        elif word == "COPY" and not rest.startswith("--from="):  # all stages share one root here
            *sources, target = rest.split()
            for source in sources:
                _copy(context / source, self.place(target), into=target.endswith("/"))
        elif word == "RUN":
            self._run(rest)
        elif word == "ENV":
            for name, value in (part.split("=", 1) for part in shlex.split(rest)):
                self.environment[name] = self.moved(value).replace("$PATH", os.environ["PATH"])
        elif word == "CMD":
            self.command = _array(rest)
        elif word == "HEALTHCHECK":
            self.health = _array(rest.partition(" CMD ")[2])

    def _run(self, line: str) -> None:
        tools = {**surroundings(), "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-c", self.moved(line)], cwd=self.workdir, env=tools, capture_output=True, text=True, timeout=500
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


def build(dockerfile: Path, context: Path, root: Path) -> Image:
    """Carry out a Dockerfile, from the files of a build context, in a folder."""
    image = Image(root)
    for word, rest in instructions(dockerfile.read_text(encoding="utf-8")):
        image.take(word, rest, context)
    return image


def _copy(source: Path, target: Path, *, into: bool) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target / source.name if into else target)


def _array(text: str) -> list[str]:
    found: list[str] = json.loads(text)
    return found
