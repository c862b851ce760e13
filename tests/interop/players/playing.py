"""What the players in Python share; runs in environments that have nothing of ours."""

import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

Client = Any
Heard = Any


async def play(
    connect: Callable[[str, str], AbstractAsyncContextManager[Client]],
    list_tools: Callable[[Client], Awaitable[list[str]]],
    call: Callable[[Client, str, dict[str, Any]], Awaitable[tuple[str, bool, dict[str, Any] | None]]],
) -> None:
    """Play the conversation that is on standard input, and print what was heard.

    Args:
        connect: Opens a client at a URL, of an era.
        list_tools: Returns the names of the tools.
        call: Calls a tool and returns the answer's text, whether it is an error, and its structured content.
    """
    task = json.load(sys.stdin)
    clients: dict[str, Client] = {}
    heard: list[Heard] = []
    handle = ""
    async with AsyncExitStack() as stack:
        for step in task["steps"]:
            name = step["client"]
            if name not in clients:
                clients[name] = await stack.enter_async_context(connect(task["url"], task["era"]))
            if step["tool"] is None:
                heard.append(await list_tools(clients[name]))
                continue
            arguments = {key: handle if value == "$handle" else value for key, value in step["arguments"].items()}
            text, error, structured = await call(clients[name], step["tool"], arguments)
            handle = (structured or {}).get("counter", handle)
            heard.append({"text": text, "error": error})
    print(json.dumps(heard))
