"""The application: which address is answered by what, and what becomes of errors."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from mcp_sessiongen.diagnostics import printable
from mcp_sessiongen.studio import changes, listing, overview, session
from mcp_sessiongen.studio.guard import Guard
from mcp_sessiongen.studio.rendering import problem_page
from mcp_sessiongen.studio.state import Studio, studio_of
from mcp_sessions.errors import SessionError, StoreError

_log: Final = logging.getLogger("mcp_sessiongen")

_READING: Final = (
    Route("/", listing.sessions),
    Route("/find", listing.find_session, methods=["POST"]),
    Route("/session/{reference}", session.one_session),
    Route("/session/{reference}/value", session.one_value),
    Route("/overview", overview.overview),
    Route("/checks", overview.checks),
)
_WRITING: Final = (
    Route("/session/{reference}/edit", changes.edit, methods=["GET", "POST"]),
    Route("/session/{reference}/unset", changes.unset, methods=["POST"]),
    Route("/session/{reference}/end", changes.end_session, methods=["GET", "POST"]),
)


def make_app(studio: Studio) -> Starlette:
    """Return the application of a studio.

    Its lifespan closes the store: what comes after it may be cut short, as uvicorn repeats the signal that ended it.
    """
    static = Mount("/static", StaticFiles(directory=Path(__file__).parent / "static"))
    app = Starlette(
        routes=[*_READING, *(_WRITING if studio.can_write else ()), static],
        middleware=[Middleware(Guard, studio=studio), Middleware(NoTraceback)],
        exception_handlers={HTTPException: _not_served, SessionError: _session_error, StoreError: _store_error},
        lifespan=_lifespan,
    )
    app.state.studio = studio
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    studio: Studio = app.state.studio
    try:
        yield
    finally:
        await studio.counting.aclose()
        await studio.checking.aclose()
        await studio.store.aclose()


class NoTraceback:
    """ASGI middleware that makes a page of what nobody expected: of its type alone, for its text may have values."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, whatever happens."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http" or os.environ.get("MCP_SESSIONGEN_DEBUG"):
                raise
            _log.error("studio: internal error: %s; MCP_SESSIONGEN_DEBUG=1 shows where", type(error).__name__)
            text = f"{type(error).__name__} was raised where nobody expected it."
            answer = problem_page(Request(scope), 500, "A fault of the studio", text, advice=_REPORT)
            await answer(scope, receive, send)


async def _not_served(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    title, text = _NOT_SERVED.get(status, ("That does not work", "The studio does not serve this."))
    answer = problem_page(request, status, title, text)
    if isinstance(error, HTTPException):
        answer.headers.update(error.headers or {})
    return answer


async def _session_error(request: Request, error: Exception) -> Response:
    return problem_page(request, 409, "That did not work", str(error))


async def _store_error(request: Request, error: Exception) -> Response:
    studio = studio_of(request)
    if studio.failure != str(error):
        studio.failure = str(error)
        _log.warning("studio: %s", printable(studio.failure))
    return problem_page(request, 503, "The store does not answer", str(error), advice=_AGAIN)


_NOT_SERVED: Final = {
    404: ("Not here", "There is no such page. Sessions that are over are gone from here too."),
    405: ("Not like this", "This page does not take what was sent to it."),
}
_REPORT: Final = (
    "This is a bug, please report it. Started with MCP_SESSIONGEN_DEBUG=1, the studio says where it happened."
)
_AGAIN: Final = "Load the page again when the store is back; the studio can go on running meanwhile."
