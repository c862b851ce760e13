"""Whose session a call means: every scope, with and without handle, transport session and owner."""

from typing import Any

import pytest

from mcp_sessions import SessionNotFoundError, SessionRequiredError, SessionSchema, owner_of
from mcp_sessions.context import Call, current_call, serving
from mcp_sessions.ids import is_handle, is_transport_id, masked, mint_handle, mint_transport_id
from mcp_sessions.resolve import locate
from mcp_sessions.schema import INTERFACES, require_interface
from mcp_sessions.stores import Access, Address, Lifetime, MemoryStore

STORE = MemoryStore()
HANDLE = "cart_" + "abcdefgh" * 4


def cart(scope: Any) -> SessionSchema:
    return SessionSchema(name="cart", scope=scope, handle="basket", max=86400.0)


BY_HANDLE = Access(Address("handle", HANDLE, "cart"))
BY_TRANSPORT = Access(Address("transport", "t", "cart"))


@pytest.mark.parametrize(
    ("scope", "transport", "handle", "expected"),
    [
        ("auto", None, HANDLE, BY_HANDLE),
        ("auto", "t", HANDLE, BY_HANDLE),
        ("auto", "t", None, BY_TRANSPORT),
        ("auto", None, None, "call create_basket first"),
        ("handle", None, HANDLE, BY_HANDLE),
        ("handle", "t", None, "call create_basket first"),
        ("transport", "t", None, BY_TRANSPORT),
        ("transport", "t", HANDLE, BY_TRANSPORT),
        ("transport", None, HANDLE, "scope 'auto' or 'handle'"),
        ("user", "t", HANDLE, "carries no authenticated one"),
    ],
)
def test_each_scope_takes_the_session_from_its_own_source(
    scope: str, transport: str | None, handle: str | None, expected: Access | str
) -> None:
    call = Call(STORE, transport=transport)
    if isinstance(expected, str):
        with pytest.raises(SessionRequiredError, match=expected):
            locate(cart(scope), call, handle)
    else:
        assert locate(cart(scope), call, handle) == expected


def test_a_users_session_is_named_by_the_user_and_begins_by_itself() -> None:
    access = locate(cart("user"), Call(STORE, owner="me", idle=60), "anything")
    assert access == Access(Address("user", "cart:me", "cart"), "me", begin=Lifetime(60, 86400.0))


def test_the_owner_goes_with_every_access() -> None:
    assert locate(cart("auto"), Call(STORE, owner="me", transport="t"), None).owner == "me"
    assert locate(cart("auto"), Call(STORE, owner="me"), HANDLE).owner == "me"


def test_a_modern_call_for_transport_state_says_why_there_is_none() -> None:
    with pytest.raises(SessionRequiredError, match="2026-07-28"):
        locate(cart("transport"), Call(STORE, modern=True), None)


@pytest.mark.parametrize("handle", ["other_" + "a" * 32, "mcps-" + "a" * 32, "cart_x", "../cart", "cart_" + "a" * 31])
def test_what_was_not_minted_for_the_schema_is_refused(handle: str) -> None:
    with pytest.raises(SessionNotFoundError, match=r"no such basket session.*create_basket"):
        locate(cart("auto"), Call(STORE, transport="t"), handle)


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
