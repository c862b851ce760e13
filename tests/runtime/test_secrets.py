"""Keys that are secret: tools read and write them as any other, and nothing that is printed shows their values."""

import importlib
import subprocess
import sys
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

from mcp_sessions import InterfaceError, Key, SessionConflictError, SessionModel, SessionSchema, Store, UntypedSession
from mcp_sessions.migrations import Migration, PastVersion
from mcp_sessions.server import Sessions

pytestmark = pytest.mark.anyio

VALUE = "hunter2"

SCHEMAS = {
    "login.yaml": """
sessiongen: 1
sessions:
  login:
    version: 2
    migrations: [{to: 2, call: steps:login_v2}]
    keys:
      token: {type: str, secret: true, create: optional, doc: What the service takes.}
      pin: {type: str, secret: true, min_length: 4, default: "0000"}
      codes: {type: "list[str]", secret: true, default: []}
      user: str?
""",
    "history/login.v1.yaml": """
sessiongen: 1
sessions:
  login:
    keys:
      password: {type: str, secret: true}
      pin: {type: str, default: "0000"}  # which was not said to be secret then
      user: str?
""",
    "vault.py": """
from typing import Annotated

from pydantic import BaseModel, Field
from mcp_sessions import Key


class Vault(BaseModel):
    token: Annotated[str, Key(secret=True)] = Field(default="", repr=False)
    user: str = ""
""",
    "steps.py": """
from out.login import LoginV1State, LoginV2State


def login_v2(before: LoginV1State) -> LoginV2State:
    assert "hunter2" not in repr(before)
    assert before.password == "hunter2"
    assert before.pin == "hunter2"
    return LoginV2State(token=before.password, pin=before.pin, user=before.user)
""",
}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The generated modules, by name."""
    folder = tmp_path_factory.mktemp("secrets")
    for name, text in SCHEMAS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    sources = ["login.yaml", "vault.py:Vault"]
    command = [sys.executable, "-m", "mcp_sessiongen", "generate", *sources, "-o", "out", "-q"]
    subprocess.run(command, cwd=folder, check=True, timeout=120)
    sys.path.insert(0, str(folder))
    try:
        yield {name: importlib.import_module(f"out.{name}") for name in ("login", "vault")}
    finally:
        sys.path.remove(str(folder))
        for name in ("out", "out.login", "out.vault", "vault", "steps"):
            sys.modules.pop(name, None)


def printed(state: BaseModel) -> str:
    return f"{state} {state!r} {state!s}"


async def test_printing_a_snapshot_shows_no_secret(modules: Any, store: Store) -> None:
    session = await modules["login"].LoginSession.create(store)
    await session.set_token(VALUE)
    await session.set_pin(VALUE)
    await session.append_codes(VALUE)
    await session.set_user("ann")
    state = await session.snapshot()
    assert (state.token, state.pin, state.codes) == (VALUE, VALUE, [VALUE])
    assert "user='ann'" in printed(state)
    assert VALUE not in printed(state)
    assert await session.get_token() == VALUE


async def test_printing_a_draft_or_what_a_conflict_found_shows_no_secret(modules: Any, store: Store) -> None:
    session = await modules["login"].LoginSession.create(store)

    async def write_beside_itself() -> None:
        async with session.transaction() as draft:
            draft.token = VALUE
            assert VALUE not in printed(draft)
            await session.set_token(VALUE)

    with pytest.raises(SessionConflictError) as raised:
        await write_beside_itself()
    current = raised.value.current
    assert isinstance(current, BaseModel)
    assert getattr(current, "token", None) == VALUE
    assert VALUE not in printed(current)


async def test_printing_a_model_of_the_users_shows_no_secret_either(modules: Any, store: Store) -> None:
    session = await modules["vault"].VaultSession.create(store)
    await session.set_token(VALUE)
    state = await session.snapshot()
    assert type(state).__name__ == "Vault"
    assert state.token == VALUE
    assert VALUE not in printed(state)


async def test_a_migration_that_prints_what_it_takes_shows_no_secret_of_the_past(modules: Any, store: Store) -> None:
    former = type("FormerSession", (UntypedSession,), {"schema": SessionSchema(name="login", version=1)})
    old = await former.create(store)
    await old.set("password", VALUE)
    await old.set("pin", VALUE)
    session = modules["login"].LoginSession.open(store, old.id)
    assert await session.get_token() == VALUE, "the function of the migration looked at what it took, too"


def test_a_key_says_that_it_is_secret_and_a_schema_which_names_are(modules: Any) -> None:
    schema = modules["login"].LoginSession.schema
    assert [key.name for key in schema.keys if key.secret] == ["token", "pin", "codes"]
    assert schema.secrets == {"token", "pin", "codes", "password"}
    assert modules["vault"].VaultSession.schema.secrets == {"token"}
    assert UntypedSession.schema.secrets == frozenset()


def test_the_names_that_a_secret_key_had_are_secret_too() -> None:
    class State(SessionModel):
        pass

    pin, plain = Key[str]("pin", str, secret=True), Key[str]("plain", str)
    schema = SessionSchema(
        name="login",
        version=4,
        keys=(Key[str]("token", str, secret=True), plain),
        migrations=(
            Migration(to=2, renamed={"first": "second", "other": "plain"}),
            Migration(to=3, renamed={"second": "token"}),
            Migration(to=4, before=PastVersion(version=3, state=State, keys=(pin, plain))),
        ),
    )
    assert schema.secrets == {"token", "second", "first", "pin"}


async def test_the_create_tool_takes_a_secret_and_says_that_it_is_not_read_back(modules: Any, store: Store) -> None:
    server = MCPServer("test", extensions=[Sessions(store, schemas=[modules["login"].LoginSession])])
    async with Client(server) as client:
        [create, _] = (await client.list_tools()).tools
        result = await client.call_tool("create_login", {"token": VALUE})
    assert create.input_schema["properties"]["token"]["writeOnly"] is True
    assert not result.is_error
    assert VALUE not in repr(result)


def test_generated_code_that_knows_no_secrets_goes_on_as_it_was() -> None:
    assert Key[str]("token", str).secret is False
    assert Key[str]("token", str, ttl=5, create="optional", doc="x").secret is False


def test_generated_code_that_says_more_of_a_key_than_is_known_here_is_refused() -> None:
    made: Any = Key
    with pytest.raises(InterfaceError, match=r"the key 'token' has the option 'sealed', .* Upgrade mcp-sessiongen"):
        made("token", str, sealed=True)
    assert made(sealed=True).options == {"sealed": True}, "in a schema the compiler says what is wrong"
