"""What stands before all pages: who asks, from where, with what; and the headers that every answer has."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mcp_sessiongen.studio.rendering import problem_page
from mcp_sessiongen.studio.state import Studio

FORM_BYTES: Final = 4 * 1024 * 1024
"""How large a form may be: a value of a MiB, percent-encoded, fits."""

_FIELDS: Final = 20
_READS: Final = ("GET", "HEAD")
_FORM_TYPE: Final = "application/x-www-form-urlencoded"

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""What every answer says, whatever it is."""


class Guard:
    """ASGI middleware around the pages; what it lets through has ``state.visitor``, and ``state.form`` if it is one."""

    def __init__(self, app: ASGIApp, studio: Studio) -> None:
        self._app = app
        self._studio = studio

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve what may be served."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            request = Request(scope, receive)
            guarded = _with_headers(send)
            answer = await self._refusal(request)
            await (answer or self._app)(scope, receive, guarded)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _refusal(self, request: Request) -> Response | None:
        """Return what is answered instead of a page; None to go on."""
        if request.headers.get("host", "").lower() not in self._studio.hosts:
            return _refused(request, 403, "Not this address", _WRONG_HOST)
        if request.url.path.startswith("/static/") and request.method in _READS:
            return None
        if request.method == "GET" and request.url.path == "/" and "token" in request.query_params:
            return self._admission(request)
        visitor = self._studio.visitors.find(request.cookies.get(self._studio.cookie_name, ""))
        if visitor is None:
            return _refused(request, 401, "The token, please", _NO_TOKEN)
        request.state.visitor = visitor
        return None if request.method in _READS else await self._refused_form(request)

    def _admission(self, request: Request) -> Response:
        """Exchange the token for a cookie, and lead away from the address that has it."""
        cookie = self._studio.visitors.admit(request.query_params["token"])
        if cookie is None:
            return _refused(request, 403, "Not this token", _WRONG_TOKEN)
        answer = RedirectResponse("/", status_code=303)
        answer.set_cookie(self._studio.cookie_name, cookie, path="/", httponly=True, samesite="strict")
        return answer

    async def _refused_form(self, request: Request) -> Response | None:
        if not _is_from_here(request):
            return _refused(request, 403, "Not from here", _WRONG_ORIGIN)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
            return _refused(request, 415, "Not a form", f"What is sent here is a form, {_FORM_TYPE}.")
        body = await _body(request)
        if body is None:
            return _refused(request, 413, "Too much at once", f"A form has {FORM_BYTES:,} bytes at most.")
        try:
            pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_FIELDS)
        except ValueError:
            return _refused(request, 400, "Not a form", "The form cannot be read: it is not URL-encoded UTF-8.")
        request.state.form = dict(pairs)
        if not request.state.visitor.sent(request.state.form.get("form_token", "")):
            return _refused(request, 403, "An old form", _WRONG_FORM)
        return None


def _refused(request: Request, status: int, title: str, text: str) -> Response:
    came_from_elsewhere = status == 401 and request.headers.get("sec-fetch-site") == "cross-site"
    return problem_page(request, status, title, text, advice=_CONTINUE if came_from_elsewhere else "", is_bare=True)


def _is_from_here(request: Request) -> bool:
    """Tell whether a form was sent by a page of ours.

    Pages say ``Referrer-Policy: no-referrer``, so browsers send ``Origin: null`` with their forms (Fetch, "append a
    request Origin header"), and ``Sec-Fetch-Site`` tells; a client that sends none of that has to send the origin.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site not in (None, "same-origin"):
        return False
    if origin in (None, "null"):
        return site == "same-origin"
    return origin == f"http://{request.headers['host'].lower()}"


async def _body(request: Request) -> bytes | None:
    """Return the body; None if it is larger than a form may be."""
    parts: list[bytes] = []
    total = 0
    try:
        async for part in request.stream():
            total += len(part)
            if total > FORM_BYTES:
                return None
            parts.append(part)
    except ClientDisconnect:
        return b""
    return b"".join(parts)


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
        await send(message)

    return sending


_WRONG_HOST: Final = "The studio answers at 127.0.0.1 and localhost, with the port that it printed when it started."
_NO_TOKEN: Final = (
    "Open the address that mcp-sessiongen studio printed when it started: it ends in ?token= and the token. "
    "A studio that was started again has another one."
)
_WRONG_TOKEN: Final = (
    "The token in the address is not that of the studio that runs here now. Open the address that mcp-sessiongen "
    "studio printed when it was last started."
)
_WRONG_ORIGIN: Final = "Forms are taken only from the studio's own pages. Nothing was changed."
_WRONG_FORM: Final = (
    "This form was made for somebody else, or before the studio was started anew. Nothing was changed. Go back, load "
    "the page again, and repeat what you did."
)
_CONTINUE: Final = "You came here from another site, so your browser did not say who you are."
