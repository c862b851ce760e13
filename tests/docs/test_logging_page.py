"""The page about logging is true: it has all our lines, and with its settings nothing that could be used is logged."""

import ast
import asyncio
import logging
import logging.config
import re
from pathlib import Path

import httpx2
import pytest
from mcp import Client
from tests.docs.blocks import REPOSITORY, block, checks, text_of
from tests.docs.shop import MODEL, run, said
from tests.runtime.test_middleware import HEADERS, HELLO

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")


def test_every_line_that_we_log_is_on_the_page() -> None:
    ours = text_of("logging.md").partition("## What others")[0]
    shown = re.findall(r"^\| ([^|]+) \| (?:INFO|WARNING|ERROR)", ours, re.MULTILINE)
    logged = set()
    for path in (REPOSITORY / "runtime/mcp_sessions").rglob("*.py"):
        if "testing" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = {node.target.id: node.value for node in tree.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _logs(node.func):
                text = node.args[0]
                text = texts[text.id] if isinstance(text, ast.Name) else text
                logged.add(re.sub(r"%[sd]", "...", ast.literal_eval(text)))
    assert set(shown) == logged


def _logs(called: ast.expr) -> bool:
    is_method = isinstance(called, ast.Attribute) and called.attr in LEVELS
    return is_method and isinstance(called.value, ast.Name) and called.value.id in ("_log", "logger")


def test_the_sdk_logs_the_errors_of_tools(isolated: Path, caplog: pytest.LogCaptureFixture) -> None:
    mcp = run(isolated, MODEL)["mcp"]

    async def broken() -> None:
        raise RuntimeError("swordfish")

    mcp.add_tool(broken, name="broken")

    async def use() -> None:
        async with Client(mcp) as client:
            await client.call_tool("add_item", {"item": "x"})
            assert said(await client.call_tool("broken", {})) == "Error executing tool broken"

    [name, _] = re.findall(
        r"^\| `(mcp\.server\.mcpserver\.server)` \| (?:INFO|ERROR) ", text_of("logging.md"), re.MULTILINE
    )
    with caplog.at_level(logging.INFO, name):
        asyncio.run(use())
    logged = [(record.levelname, record.getMessage(), bool(record.exc_info)) for record in caplog.records]
    assert [(level, has_trace) for level, _, has_trace in logged] == [("INFO", False), ("ERROR", True)]
    assert "this call names no cart session" in logged[0][1]


@checks("logging.md", "logging.config")
def test_with_the_settings_that_are_shown_no_id_and_no_value_is_logged(
    isolated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def use() -> list[str]:
        scope = run(isolated, MODEL)
        app = scope["sessions"].http_app(scope["mcp"], stateless=False)
        transport = httpx2.ASGITransport(app=app)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http,
        ):
            answer = await http.post(
                "/mcp",
                json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO},
                headers=HEADERS,
            )
            session_id = answer.headers["mcp-session-id"]
            ended = await http.delete("/mcp", headers={"mcp-session-id": session_id})
            assert ended.status_code == 200
        return [session_id, "serverInfo"]

    kept = {name: logging.getLogger(name).level for name in ("", "mcp", "sse_starlette", "mcp_sessions")}
    handlers = list(logging.getLogger().handlers)
    try:
        logging.config.dictConfig(
            {
                "version": 1,
                "disable_existing_loggers": False,
                "handlers": {"console": {"class": "logging.StreamHandler"}},
                "root": {"handlers": ["console"], "level": "DEBUG"},
            }
        )
        logging.getLogger("mcp").setLevel(logging.INFO)
        logging.getLogger("sse_starlette").setLevel(logging.DEBUG)
        careless = asyncio.run(use())
        noise = capsys.readouterr().err
        assert [text for text in careless if text not in noise] == []

        exec(block("logging.md", "logging.config"), {})
        careful = asyncio.run(use())
        quiet = capsys.readouterr().err
        assert [text for text in careful if text in quiet] == []
    finally:
        logging.getLogger().handlers = handlers
        for name, level in kept.items():
            logging.getLogger(name).setLevel(level)
