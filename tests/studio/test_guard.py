"""What is refused before any page: other names, other sites, forms that are none; and what every answer says."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.studio.conftest import HOST, OF_A_FORM, Running

from mcp_sessiongen.studio.guard import FORM_BYTES, HEADERS


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "localhost", "127.0.0.1:80", "127.0.0.1:8765.evil.example", "[::1]:8765", ""]
)
@pytest.mark.parametrize("path", ["/", "/static/studio.css"])
def test_another_host_is_refused(studio: Running, host: str, path: str) -> None:
    """A page of another site whose name was made to mean this machine gets nothing (DNS rebinding)."""
    assert studio.get(path, host=host).status_code == 403


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost:8765", "LocalHost:8765"])
def test_both_names_of_this_machine_are_served(studio: Running, host: str) -> None:
    assert studio.get("/", host=host).status_code == 200


def test_a_studio_on_the_port_of_http_is_served_without_it(start: Callable[..., Running]) -> None:
    running = start(port=80)
    assert running.get("/", host="localhost").status_code == 401
    assert running.get("/", host="localhost:8765").status_code == 403


def test_the_token_is_not_looked_at_under_another_host(start: Callable[..., Running]) -> None:
    running = start()
    assert running.get(f"/?token={running.token}", host="evil.example").status_code == 403
    assert "studio-8765" not in running.client.cookies


@pytest.mark.parametrize("path", ["/", "/nowhere", "/static/studio.css", "/static/none", "/?space=x", "/session/abc"])
def test_every_answer_says_what_browsers_may_do_with_it(studio: Running, path: str) -> None:
    headers = studio.get(path).headers
    assert {name: headers.get(name) for name in HEADERS} == HEADERS


def test_also_a_refusal_and_a_redirection_say_so(start: Callable[..., Running]) -> None:
    running = start()
    answers = (running.get("/"), running.get("/", host="x"), running.get(f"/?token={running.token}"))
    assert [answer.status_code for answer in answers] == [401, 403, 303]
    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_the_policy_allows_nothing_but_the_studios_own_files() -> None:
    policy = dict(part.strip().split(" ", 1) for part in HEADERS["content-security-policy"].split(";"))
    assert policy.pop("default-src") == "'none'"
    assert policy.pop("frame-ancestors") == policy.pop("base-uri") == "'none'"
    assert set(policy.values()) == {"'self'"}
    assert {"script-src", "style-src", "connect-src", "form-action", "img-src"} == set(policy)


OWN = f"http://{HOST}"
ATTEMPTS: list[tuple[dict[str, str], int]] = [
    (OF_A_FORM, 303),
    ({"origin": OWN}, 303),
    ({"origin": OWN, "sec-fetch-site": "same-origin"}, 303),
    ({}, 403),
    ({"origin": "null"}, 403),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "https://" + HOST}, 403),
    ({"origin": "http://127.0.0.1:9999"}, 403),
    ({"origin": "http://localhost:8765"}, 403),
    ({"origin": OWN, "sec-fetch-site": "same-site"}, 403),
    ({"origin": OWN, "sec-fetch-site": "cross-site"}, 403),
    ({"origin": OWN, "sec-fetch-site": "none"}, 403),
    ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
    ({"origin": "http://evil.example", "sec-fetch-site": "same-origin"}, 403),
]


@pytest.mark.parametrize(("headers", "status"), ATTEMPTS)
def test_forms_come_from_the_studios_own_pages(studio: Running, headers: dict[str, str], status: int) -> None:
    assert studio.send(studio.form("/", "/find"), headers, q="abc").status_code == status


@pytest.mark.parametrize("form_token", ["", "x", "é", None])
def test_a_form_carries_the_token_of_its_browser(studio: Running, form_token: str | None) -> None:
    form = studio.form("/", "/find")
    del form.fields["form_token"]
    fields = {} if form_token is None else {"form_token": form_token}
    answer = studio.send(form, **fields)
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.text


def test_the_form_of_one_browser_is_none_of_another(start: Callable[..., Running]) -> None:
    running = start().enter()
    form = running.form("/", "/find")
    running.client.cookies.clear()
    running.enter()
    assert running.send(form).status_code == 403


def test_what_is_no_form_is_refused(studio: Running) -> None:
    for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", ""):
        headers = OF_A_FORM | {"content-type": kind}
        assert studio.client.post("/find", content=b"form_token=x", headers=headers).status_code == 415
    headers = OF_A_FORM | {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    for body in (b"\xff\xfe=1", b"q=%ff", b"&".join(b"a%d=1" % number for number in range(30))):
        assert studio.client.post("/find", content=body, headers=headers).status_code == 400


def test_a_form_is_limited_in_size_with_and_without_a_length(studio: Running) -> None:
    headers = OF_A_FORM | {"content-type": "application/x-www-form-urlencoded"}

    def parts() -> Iterator[bytes]:
        for _ in range(FORM_BYTES // 65536 + 1):
            yield b"a" * 65536

    for body in (b"a" * (FORM_BYTES + 1), parts()):
        answer = studio.client.post("/find", content=body, headers=headers)
        assert answer.status_code == 413
        assert "at most" in answer.text


@pytest.mark.parametrize("path", ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fguard.py", "/static/"])
def test_only_the_files_that_are_meant_are_served(studio: Running, path: str) -> None:
    assert studio.get(path).status_code == 404


def test_files_that_pages_need_are_served_to_anybody_on_this_machine(start: Callable[..., Running]) -> None:
    """They say nothing of the store, and the page that asks for the token looks as it should."""
    running = start()
    for file, kind in (("studio.css", "text/css"), ("studio.js", "text/javascript"), ("icon.svg", "image/svg+xml")):
        answer = running.get(f"/static/{file}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)


def test_a_websocket_is_closed(studio: Running) -> None:
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), studio.client.websocket_connect("/"):
        pass


def test_an_error_that_nobody_expected_is_a_page_without_its_text(
    studio: Running, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a stored value")

    monkeypatch.setattr(studio.studio.store, "scan", fail)
    answer = studio.get("/")
    assert answer.status_code == 500
    assert "RuntimeError" in answer.text
    assert "a stored value" not in answer.text + caplog.text
    assert "Traceback" not in answer.text + caplog.text
    assert "MCP_SESSIONGEN_DEBUG=1" in caplog.text
