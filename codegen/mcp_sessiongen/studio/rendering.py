"""From what a page has to say to HTML: the templates, and what all of their pages share."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from mcp_sessiongen import __version__
from mcp_sessiongen.studio.state import studio_of, visitor_of


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, *, status: int = 200, **content: Any) -> HTMLResponse:
    """Return a page for somebody who was let in."""
    studio, visitor = studio_of(request), visitor_of(request)
    is_visit = request.headers.get("sec-fetch-dest", "document") == "document"  # and not the script, which looks again
    shared = {
        "store": studio.shown_store,
        "can_write": studio.can_write,
        "reveal": studio.reveal,
        "form_token": visitor.form_token,
        "notice": visitor.told() if is_visit else "",
        "version": __version__,
        "at": request.url.path,
    }
    return HTMLResponse(_templates().get_template(template).render(shared | content), status)


def problem_page(
    request: Request, status: int, title: str, text: str, *, advice: str = "", is_bare: bool = False
) -> HTMLResponse:
    """Return a page that says what is wrong, and what to do.

    A bare one says nothing of the store; nobody gets another one who was not let in.
    """
    if is_bare or not hasattr(request.state, "visitor"):
        template = _templates().get_template("refused.html")
        return HTMLResponse(template.render(title=title, text=text, status=status, advice=advice), status)
    return page(request, "problem.html", status=status, title=title, text=text, advice=advice, code=status)
