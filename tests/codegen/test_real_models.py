"""Models that nobody wrote for us: those of installed packages, as types of keys and as sessions as they are."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from mcp_sessiongen.pipeline import compile_sources
from mcp_sessions import Key

PROTOCOL: Final = [
    "Annotations",
    "AudioContent",
    "BlobResourceContents",
    "CallToolResult",
    "ClientCapabilities",
    "Completion",
    "CompletionArgument",
    "CreateMessageResult",
    "EmbeddedResource",
    "ErrorData",
    "Icon",
    "ImageContent",
    "Implementation",
    "InitializeRequestParams",
    "JSONRPCError",
    "JSONRPCRequest",
    "ListToolsResult",
    "ModelHint",
    "ModelPreferences",
    "ProgressNotificationParams",
    "Prompt",
    "PromptMessage",
    "Resource",
    "ResourceLink",
    "ResourceTemplate",
    "Root",
    "SamplingMessage",
    "ServerCapabilities",
    "Task",
    "TextContent",
    "Tool",
    "ToolAnnotations",
    "ToolResultContent",
    "ToolUseContent",
]
OPENAPI: Final = [
    "Contact",
    "Discriminator",
    "Encoding",
    "Example",
    "Header",
    "Info",
    "License",
    "Parameter",
    "RequestBody",
    "Server",
    "Tag",
    "XML",
]
GEOJSON: Final = ["GeometryCollection", "LineString", "MultiPoint", "MultiPolygon", "Point", "Polygon"]
MODELS: Final = [
    *(("mcp_types", name) for name in PROTOCOL),
    *(("openapi_pydantic", name) for name in OPENAPI),
    *(("geojson_pydantic", name) for name in GEOJSON),
]

SAMPLES: Final[dict[str, object]] = {
    "Icon": {"src": "https://example.org/a.png", "mimeType": "image/png", "sizes": ["48x48"]},
    "TextContent": {"type": "text", "text": "ü\n", "annotations": {"priority": 0.5}},
    "ImageContent": {"type": "image", "data": "aGVsbG8=", "mimeType": "image/png"},
    "CallToolResult": {
        "content": [{"type": "text", "text": "a"}, {"type": "resource_link", "name": "r", "uri": "file:///r"}],
        "isError": True,
        "structuredContent": {"a": [1, None, {"b": 2.5}]},
    },
    "SamplingMessage": {"role": "user", "content": {"type": "text", "text": "a"}},
    "Tool": {"name": "t", "inputSchema": {"type": "object", "properties": {}}, "annotations": {"readOnlyHint": True}},
    "JSONRPCRequest": {"jsonrpc": "2.0", "id": "x", "method": "m", "params": {"a": 1}},
    "JSONRPCError": {"jsonrpc": "2.0", "id": 7, "error": {"code": -1, "message": "no", "data": [1]}},
    "ErrorData": {"code": 1, "message": "m", "data": {"why": None}},
    "Info": {"title": "T", "version": "1", "license": {"name": "MIT"}, "contact": {"url": "https://example.org"}},
    "Parameter": {"name": "p", "in": "query", "schema": {"type": "string", "deprecated": True}},
    "Server": {"url": "/", "variables": {"port": {"default": "80", "enum": ["80", "443"]}}},
    "Point": {"type": "Point", "coordinates": [1.5, 2.0]},
    "LineString": {"type": "LineString", "coordinates": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]},
    "GeometryCollection": {
        "type": "GeometryCollection",
        "geometries": [
            {"type": "Point", "coordinates": [1.0, 2.0]},
            {"type": "MultiPoint", "coordinates": [[0.0, 1.0]]},
        ],
        "bbox": [0.0, 1.0, 2.0, 3.0],
    },
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with a module for each model that is a session as it is, and one with all of them as keys."""
    root = tmp_path_factory.mktemp("real")
    before = Path.cwd()
    os.chdir(root)
    try:
        keys = [f"    {name.lower()}_key: {module}.{name}\n" for module, name in MODELS]
        imports = "".join(f"import {module}\n" for module in dict(MODELS))
        text = f"from mcp_sessions import SessionModel\n{imports}class Everything(SessionModel):\n{''.join(keys)}"
        (root / "everything.py").write_text(text)
        write(root / "keys_of", compile_sources(("everything.py",), root / "keys_of"))
        for module, name in MODELS:
            output = root / f"as_{name.lower()}"
            write(output, compile_sources((f"{module}:{name}",), output))
        yield root
    finally:
        os.chdir(before)


def write(output: Path, files: dict[str, str]) -> None:
    output.mkdir()
    for name, text in files.items():
        (output / name).write_text(text)


def test_there_are_enough_of_them() -> None:
    assert len(MODELS) > 50
    assert len(SAMPLES) >= 15


def test_type_checkers_accept_what_they_compile_to(folder: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(folder / ".mypy_cache"), "."]
    source = Path(importlib.import_module("mcp_sessions").__file__ or "").parents[1]
    environment = {**os.environ, "MYPYPATH": str(source)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SAMPLES)
def test_values_of_such_types_are_stored_and_read_back(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = module_in(folder, "keys_of.everything", monkeypatch)
    key: Key[Any, Any] = vars(keys)[f"_{name.upper()}_KEY"]
    module = next(module for module, model in MODELS if model == name)
    value = getattr(importlib.import_module(module), name).model_validate(SAMPLES[name])
    assert key.decode(key.encode(value)) == value


@pytest.mark.parametrize(("module", "name"), MODELS, ids=lambda part: part)
def test_a_session_of_such_a_model_can_be_imported(
    module: str, name: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = module_in(folder, f"as_{name.lower()}.{module}", monkeypatch)
    assert any(item.endswith("Session") for item in made.__all__)


def module_in(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    return importlib.import_module(name)
