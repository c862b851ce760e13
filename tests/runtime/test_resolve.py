"""Whose session a call means: every scope, with and without handle, transport session and owner."""

from typing import Any

import pytest

from mcp_sessions import SessionNotFoundError, SessionRequiredError, SessionSchema, owner_of
from mcp_sessions.context import Call, Caller, current_call, serving
from mcp_sessions.ids import is_handle, is_transport_id, masked, mint_handle, mint_transport_id
from mcp_sessions.resolve import locate
from mcp_sessions.schema import INTERFACES, require_interface
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore

STORE = MemoryStore()
HANDLE = "cart_" + "abcdefgh" * 4


def cart(scope: Any) -> SessionSchema:
    return SessionSchema(name="cart", version=3, digest="d", scope=scope, handle="basket", idle=60.0, max=86400.0)


BY_HANDLE = Access(Address("handle", HANDLE, "cart"), version=3, digest="d", since=3, reads=3)
BY_TRANSPORT = Access(
    Address("transport", "t", "cart"), None, Lifetime(60.0, 86400.0), version=3, digest="d", since=3, reads=3
)


@pytest.mark.parametrize(
    ("scope", "transport", "handle", "expected"),
    [
        ("auto", None, HANDLE, BY_HANDLE),
        ("auto", "t", HANDLE, BY_HANDLE),
        ("auto", "t", None, BY_TRANSPORT),
        ("auto", None, None, "Call create_basket first"),
        ("handle", None, HANDLE, BY_HANDLE),
        ("handle", "t", None, "Call create_basket first"),
        ("transport", "t", None, BY_TRANSPORT),
        ("transport", "t", HANDLE, "has no handles"),
        ("transport", None, None, "scope 'auto' or 'handle'"),
        ("user", "t", HANDLE, "has no handles"),
        ("user", "t", None, "carries no authenticated one"),
    ],
)
def test_each_scope_takes_the_session_from_its_own_source(
    scope: str, transport: str | None, handle: str | None, expected: Access | str
) -> None:
    call = Call(STORE, transport=transport)
    if isinstance(expected, str):
        with pytest.raises(SessionRequiredError, match=expected):
            locate(cart(scope), call, handle, is_argument=True)
    else:
        assert locate(cart(scope), call, handle, is_argument=True) == expected


def test_a_schema_without_a_lifetime_takes_the_servers() -> None:
    access = locate(SessionSchema(name="cart"), Call(STORE, transport="t", idle=99.0), None, is_argument=True)
    assert access.begin == Lifetime(99.0)


def test_a_connection_that_the_process_keeps_is_a_space_of_its_own() -> None:
    call = Call(STORE, transport="c", kind="connection")
    assert locate(cart("auto"), call, None, is_argument=True).address == Address("connection", "c", "cart")


def test_a_users_session_is_named_by_the_user_and_begins_by_itself() -> None:
    access = locate(cart("user"), Call(STORE, Caller("me", individual=True)), None, is_argument=True)
    assert access == Access(
        Address("user", "me", "cart"), "me", Lifetime(60.0, 86400.0), version=3, digest="d", since=3, reads=3
    )


def test_a_token_that_names_no_user_has_no_users_session() -> None:
    with pytest.raises(SessionRequiredError, match="must set the token's subject"):
        locate(cart("user"), Call(STORE, Caller("client")), None, is_argument=True)


def test_the_owner_goes_with_every_access() -> None:
    call = Call(STORE, Caller("me"), transport="t")
    assert locate(cart("auto"), call, None, is_argument=True).owner == "me"
    assert locate(cart("auto"), call, HANDLE, is_argument=True).owner == "me"


def test_no_advice_leads_in_circles() -> None:
    def advice(call: Call, *, scope: str = "auto", is_argument: bool = True) -> str:
        with pytest.raises(SessionRequiredError) as caught:
            locate(cart(scope), call, None, is_argument=is_argument)
        return str(caught.value)

    assert "2026-07-28" in advice(Call(STORE, modern=True), scope="transport")
    assert "no tool that begins one" in advice(Call(STORE, tools=False))
    unnamed = advice(Call(STORE, modern=True), is_argument=False)
    assert "2026-07-28" in unnamed
    assert "the accessor as a parameter" in unnamed
    assert "a handle names it" in advice(Call(STORE, transport="t"), scope="handle", is_argument=False)
    with pytest.raises(SessionNotFoundError, match=r"no such cart session\. Begin a new one"):
        locate(cart("auto"), Call(STORE, tools=False), "nonsense", is_argument=True)
    assert "Call create_basket first" in advice(Call(STORE, schemas=frozenset({"cart"})))
    assert "must list the accessor" in advice(Call(STORE, transport="t", schemas=frozenset({"other"})))


@pytest.mark.parametrize("handle", ["other_" + "a" * 32, "mcps-" + "a" * 32, "cart_x", "../cart", "cart_" + "a" * 31])
def test_what_was_not_minted_for_the_schema_is_refused(handle: str) -> None:
    with pytest.raises(SessionNotFoundError, match=r"no such cart session.*create_basket"):
        locate(cart("auto"), Call(STORE, transport="t"), handle, is_argument=True)


def test_ids_have_a_name_space_of_their_own() -> None:
    handle, transport = mint_handle("my_cart"), mint_transport_id()
    assert is_handle(handle, "my_cart")
    assert not is_handle(handle, "my")
    assert not is_handle(handle, "cart")
    assert not is_transport_id(handle)
    assert is_transport_id(transport)
    assert not is_handle(transport, "mcps")
    assert masked(handle) == handle[: len("my_cart_") + 4] + "..."
    assert masked(transport) == transport[:9] + "..."
    assert masked("somebody_elses-token_of_any-kind") == "some..."


def test_an_owner_is_the_whole_principal_hashed() -> None:
    owners = {
        owner_of("c", None, None),
        owner_of("c", "i", None),
        owner_of("c", None, "i"),
        owner_of("c", "i", "s"),
        owner_of("ci", "", "s"),
        owner_of("c", "is", ""),
    }
    assert len(owners) == 6
    assert owner_of("client", "issuer", "subject") == owner_of("client", "issuer", "subject")
    assert "client" not in owner_of("client", "issuer", "subject")


def test_the_current_call_is_that_of_the_block() -> None:
    assert current_call() is None
    outer, inner = Call(STORE), Call(STORE, transport="t")
    with serving(outer):
        with serving(inner):
            assert current_call() is inner
        assert current_call() is outer
    assert current_call() is None


def test_a_module_made_for_another_runtime_is_refused_with_the_command_to_run(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "counter.py"
    file.write_text("# @generated\n#   mcp-sessiongen generate ../counter.yaml -o .\n")
    module = type("Module", (), {"__file__": str(file)})
    monkeypatch.setitem(__import__("sys").modules, "old.counter", module)
    require_interface(INTERFACES.start, "old.counter")
    with pytest.raises(ImportError, match="interface 0, and the installed mcp_sessions serves 1") as caught:
        require_interface(0, "old.counter")
    assert f"cd {tmp_path} && mcp-sessiongen generate ../counter.yaml -o ." in str(caught.value)
    with pytest.raises(ImportError, match="Upgrade mcp-sessiongen"):
        require_interface(INTERFACES.stop, "old.counter")
    with pytest.raises(ImportError, match="SCHEMA"):
        require_interface(0, "not.there")
