"""The studio on every store: what it shows is what is there, and what it changes is changed."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from tests.studio.forms import Form, forms_of

from mcp_sessiongen.studio.access import Visitors
from mcp_sessiongen.studio.app import make_app
from mcp_sessiongen.studio.state import Studio
from mcp_sessions import SessionEndedError, UntypedSession
from mcp_sessions.admin import Catalog
from mcp_sessions.ids import masked, mint_transport_id
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore, Store
from mcp_sessions.stores.encrypted import EncryptedStore

pytestmark = pytest.mark.anyio

OF_A_FORM = {"sec-fetch-site": "same-origin", "origin": "null"}


@asynccontextmanager
async def entered(store: Store, **options: Any) -> AsyncIterator[httpx2.AsyncClient]:
    """Give a browser that has entered a studio on a store."""
    made = {"catalog": Catalog([UntypedSession]), "shown_store": "here", "visitors": Visitors("t"), "can_write": True}
    app = make_app(Studio(store=store, port=8765, **made | options))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:8765") as client:
        assert (await client.get("/?token=t")).status_code == 303
        yield client


async def form_of(client: httpx2.AsyncClient, path: str, action: str) -> Form:
    [form] = [form for form in forms_of((await client.get(path)).text) if form.action.endswith(action)]
    return form


async def send(client: httpx2.AsyncClient, form: Form, **fields: str) -> httpx2.Response:
    return await client.post(form.action, data=form.fields | fields, headers=OF_A_FORM)


async def test_sessions_are_shown_edited_and_ended(store: Store) -> None:
    session = await UntypedSession.create(store)
    await session.set("note", {"text": "before"})
    parent = Address("transport", mint_transport_id(), "")
    for schema in ("", "session"):
        await store.create(Access(Address("transport", parent.id, schema)), Lifetime(600.0))
    async with entered(store) as client:
        page = (await client.get("/")).text
        assert masked(session.id) in page
        assert page.count('<tr role="row" data-key') == 3
        found = await send(client, await form_of(client, "/", "/find"), q=session.id)
        path = found.headers["location"]
        assert "before" in (await client.get(path)).text
        edit = await form_of(client, f"{path}/edit?key=note", "/edit")
        assert (await send(client, edit, text='{"text": "after"}')).status_code == 303
        assert await session.get("note") == {"text": "after"}
        assert (await send(client, edit)).status_code == 409
        unset = await form_of(client, f"{path}/edit?key=note", "/unset")
        assert (await send(client, unset)).status_code == 303
        assert await session.get("note") is None
        overview = (await client.get("/overview")).text
        assert re.findall(r'<dt>Sessions</dt><dd class="big">(\d+)', overview) == ["3"]
        assert (await client.get("/checks")).status_code == 200
        assert (await send(client, await form_of(client, f"{path}/end", "/end"))).status_code == 303
        with pytest.raises(SessionEndedError):
            await session.get("note")


async def test_values_without_their_key_are_shown_as_encrypted() -> None:
    inner = MemoryStore()
    store = EncryptedStore(inner, [bytes(range(32))])
    session = await UntypedSession.create(store)
    await session.set("note", "plain")
    for opened, shown in ((inner, "encrypted; the studio was started without the keys"), (store, "&#34;plain&#34;")):
        async with entered(opened) as client:
            path = (await send(client, await form_of(client, "/", "/find"), q=session.id)).headers["location"]
            assert shown in (await client.get(path)).text
            page = (await client.get(f"{path}/edit?key=note")).text
            assert ("changed only by a studio that has the keys" in page) == (opened is inner)
            assert (await client.get("/checks")).status_code == 200
