"""A client in memory that sees each message of an answer as it comes, and can leave in the middle."""

import asyncio
import json
from typing import Any

from starlette.types import ASGIApp

LEGACY = "2025-11-25"
HELLO = {
    "protocolVersion": LEGACY,
    "capabilities": {"elicitation": {}, "sampling": {}},
    "clientInfo": {"name": "t", "version": "1"},
}
LOCAL = {"host": "127.0.0.1:8000", "accept": "application/json, text/event-stream"}


class Exchange:
    """One request and its answer."""

    def __init__(self, app: ASGIApp, method: str, headers: dict[str, str], body: bytes = b"") -> None:
        self._asked = False
        self._body = body
        self._left = asyncio.Event()
        self._messages: asyncio.Queue[Any] = asyncio.Queue()
        self._text = ""
        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": "/mcp",
            "raw_path": b"/mcp",
            "query_string": b"",
            "root_path": "",
            "headers": raw,
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 1),
        }
        self.task = asyncio.create_task(self._run(app, scope))

    async def _run(self, app: ASGIApp, scope: dict[str, Any]) -> None:
        try:
            await app(scope, self._receive, self._messages.put)
        finally:
            self._messages.put_nowait(None)

    async def _receive(self) -> Any:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self._body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def start(self) -> "Exchange":
        """Wait for the answer's headers."""
        message = await self._messages.get()
        assert message is not None, "no answer"
        self.status: int = message["status"]
        self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        return self

    async def event(self) -> dict[str, str] | None:
        """Return the next event of the stream as its fields; None when the stream is over."""
        while "\n\n" not in self._text:
            message = await self._messages.get()
            if message is None:
                return None
            self._text += message.get("body", b"").decode().replace("\r\n", "\n")
        event, _, self._text = self._text.partition("\n\n")
        fields = [line.partition(":") for line in event.splitlines() if line and not line.startswith(":")]
        found = {name: value.removeprefix(" ") for name, _, value in fields}
        return found if found else await self.event()

    async def events(self) -> list[dict[str, str]]:
        """Return all events that there are until the stream is over."""
        found = []
        while (event := await self.event()) is not None:
            found.append(event)
        return found

    async def text(self) -> str:
        """Return what is left of the answer."""
        while (message := await self._messages.get()) is not None:
            self._text += message.get("body", b"").decode()
        return self._text

    async def leave(self) -> None:
        """Close the connection, and wait until the server is done with it."""
        self._left.set()
        await self.task


class Wire:
    """A client of the legacy era on an application in memory."""

    def __init__(self, app: ASGIApp, **headers: str) -> None:
        self.app = app
        self.headers = {**LOCAL, **headers}
        self._ids = 0

    async def post(self, method: str, params: Any = None, **headers: str) -> Exchange:
        """Send a request, and wait for the headers of its answer."""
        self._ids += 1
        body = {"jsonrpc": "2.0", "id": self._ids, "method": method, "params": params or {}}
        return await self.send(body, **headers)

    async def send(self, body: Any, **headers: str) -> Exchange:
        """Send a message."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        every = {"content-type": "application/json", **self.headers, **named}
        return await Exchange(self.app, "POST", every, json.dumps(body).encode()).start()

    async def ask(self, method: str, **headers: str) -> Exchange:
        """Send a request without a body, such as GET or DELETE."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await Exchange(self.app, method, {**self.headers, **named}).start()

    async def initialize(self) -> str:
        """Begin a session, and name it in all further requests."""
        answer = await self.post("initialize", HELLO)
        assert answer.status == 200
        await answer.events()
        await answer.task
        self.headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        self.headers["mcp-protocol-version"] = LEGACY
        said = await self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert said.status == 202
        await said.task
        return self.headers["mcp-session-id"]

    async def call(self, tool: str, **arguments: Any) -> Any:
        """Call a tool and return its result."""
        events = await (await self.post("tools/call", {"name": tool, "arguments": arguments})).events()
        return json.loads(events[-1]["data"])["result"]
