"""The files of a new project: a schema, the settings, a server and a test. Pure."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Literal, TypeAlias

from jinja2 import Environment, StrictUndefined

from mcp_sessiongen.names import cap_words

Form: TypeAlias = Literal["yaml", "pydantic"]

_TEMPLATES: Final = Path(__file__).parent / "templates" / "project"
_PACKAGE: Final = Path(__file__).parent


@dataclass(frozen=True)
class NewProject:
    """What a project is to be.

    Attributes:
        project: Its name, as the folder's.
        name: The name of its session.
        form: How the session is declared.
    """

    project: str
    name: str
    form: Form

    @property
    def schema(self) -> str:
        """The file of the schema."""
        return f"schemas/{self.name}.{'yaml' if self.form == 'yaml' else 'py'}"

    @property
    def settings(self) -> str:
        """The lines of pyproject.toml by which `generate` and `check` need no arguments, and async tests no mark."""
        source = "schemas" if self.form == "yaml" else self.schema
        compiler = f'[tool.mcp-sessiongen]\nsources = ["{source}"]\noutput = "state"'
        return f'{compiler}\n\n[tool.pytest.ini_options]\nanyio_mode = "auto"\npythonpath = ["."]'

    @property
    def additions(self) -> dict[str, str]:
        """The lines to add to a file that the user has already; of other files there must be none."""
        return {".gitignore": self.made("gitignore").rstrip(), "pyproject.toml": self.settings}

    def files(self) -> dict[PurePosixPath, str]:
        """Return the text of each file."""
        texts = {
            ".gitignore": self.made("gitignore"),
            "pyproject.toml": self.made("pyproject.toml"),
            self.schema: self.made("schema.yaml" if self.form == "yaml" else "schema.py"),
            "server.py": self.made("server.py"),
            "test_server.py": self.made("test_server.py"),
        }
        if self.form == "yaml":
            texts["schemas/session-schema.json"] = (_PACKAGE / "session-schema.json").read_text(encoding="utf-8")
        return {PurePosixPath(name): text for name, text in texts.items()}

    def made(self, template: str) -> str:
        """Return a template, filled in; what is filled in consists of names."""
        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)
        text = (_TEMPLATES / f"{template}.jinja").read_text(encoding="utf-8")
        project = re.sub(r"[^a-z0-9]+", "-", self.project.lower()).strip("-") or "server"
        return environment.from_string(text).render(
            name=self.name, class_name=cap_words(self.name), project=project, settings=self.settings
        )
