"""Serving an application that is measured: its process tells how long processors worked for it.

Before a round begins, it collects garbage and sets apart what is left. Else some rounds would have a collection of all
that Python has loaded, which takes longer than a hundred calls do. Garbage of the calls themselves still counts.
"""

import gc
import socket
import time
from typing import Any, TypeAlias

import uvicorn

CPU_PATH = "/cpu"
SETTLE_PATH = "/settle"
App: TypeAlias = Any


def serve(app: App, loop: str) -> None:
    """Serve on a free port, which is printed, until the process is told to stop."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # so that asyncio sets NODELAY
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    print(listening.getsockname()[1], flush=True)
    config = uvicorn.Config(
        _metered(app), loop=loop, log_level="warning", access_log=False, timeout_keep_alive=3600, lifespan="on"
    )
    uvicorn.Server(config).run(sockets=[listening])


def _metered(app: App) -> App:
    async def serve(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] not in (CPU_PATH, SETTLE_PATH):
            await app(scope, receive, send)
            return
        if scope["path"] == SETTLE_PATH:
            gc.collect()
            gc.freeze()
        body = str(time.process_time_ns()).encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return serve
