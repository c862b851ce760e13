"""A reverse proxy on loopback that sends each request to another server than the one before.

    python proxy.py PORT SERVER_PORT...

``GET /seen`` answers what it has passed on, as a list of ``[server, what, status]``, where ``what`` is the JSON-RPC
method of a POST and the HTTP method of anything else. Bodies are streamed, so that server-sent events come as they are
sent; a client that leaves takes its request to the server with it.
"""

import itertools
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
SECONDS = 60  # without a byte from a server


async def body_of(answer: httpx2.Response) -> AsyncIterator[bytes]:
    """Yield what comes, as it comes."""
    try:
        async for chunk in answer.aiter_raw():
            yield chunk
    finally:
        with anyio.CancelScope(shield=True):
            await answer.aclose()


class RoundRobin:
    """The servers, and what they were asked."""

    def __init__(self, ports: list[int]) -> None:
        self.seen: list[list[int | str]] = []
        self._turns = itertools.cycle(enumerate(ports))
        self._http = httpx2.AsyncClient(timeout=SECONDS, trust_env=False)

    async def pass_on(self, request: Request) -> Response:
        server, port = next(self._turns)
        seen: list[int | str] = [server, request.method, 0]
        self.seen.append(seen)
        body = await request.body()
        if request.method == "POST":
            seen[1] = str(json.loads(body).get("method", "response"))
        headers = [(name, value) for name, value in request.headers.raw if name.decode() not in HOP_BY_HOP]
        url = f"http://127.0.0.1:{port}{request.url.path}"
        onward = self._http.build_request(request.method, url, headers=headers, content=body)
        answer = await self._http.send(onward, stream=True)
        seen[2] = answer.status_code
        response = StreamingResponse(body_of(answer), answer.status_code)
        response.raw_headers = [
            (name.lower(), value) for name, value in answer.headers.raw if name.lower().decode() not in HOP_BY_HOP
        ]
        return response

    async def tell(self, _: Request) -> Response:
        return JSONResponse(self.seen)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._http:
            yield


def main() -> None:
    port, *servers = (int(argument) for argument in sys.argv[1:])
    proxy = RoundRobin(servers)
    methods = ["GET", "POST", "DELETE", "OPTIONS"]
    routes = [Route("/seen", proxy.tell), Route("/{path:path}", proxy.pass_on, methods=methods)]
    app = Starlette(routes=routes, lifespan=proxy.lifespan)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
