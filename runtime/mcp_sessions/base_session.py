"""What every accessor is: one session, named by a call or by a handle, and looked for at its first use.

Owns the accessor's life: how it is made, as a tool argument too, and how it asks its store. What it does with keys is
in ``keyed_session`` and ``transactions``, the typed and the untyped faces in ``session`` and ``untyped``.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, ClassVar, Concatenate, ParamSpec, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticOmit, core_schema
from typing_extensions import TypeVar

from mcp_sessions.context import Call, Caller, current_call, end_expired, end_session, with_room
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS, Duration, seconds
from mcp_sessions.errors import SessionError, SessionRequiredError, SessionValueError
from mcp_sessions.ids import masked, mint_handle
from mcp_sessions.keys import Key
from mcp_sessions.resolve import begins_anew, by_handle, ended_meanwhile, lifetime_of, locate, not_live
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Access, NotLiveError, SessionInfo, Store

R = TypeVar("R")
P = ParamSpec("P")


class BaseSession:
    """One session of one schema.

    An accessor is cheap and lazy: making one reads nothing, and each method is one round trip to the store (two for
    those that compare and set). It may be kept for as long as the call that made it.
    """

    schema: ClassVar[SessionSchema]

    def __init__(self, call: Call | None, access: Access | Callable[[], Access]) -> None:
        """Make an accessor for a session, or for what is found at its first use; users have ``create`` and ``open``."""
        self._call = call
        self._found = access

    def __repr__(self) -> str:
        try:
            return f"<{type(self).__name__} {masked(self.id)}>"
        except Exception:
            return f"<{type(self).__name__} of no session>"

    # How an accessor is made

    @classmethod
    async def create(
        cls,
        store: Store,
        *,
        owner: str | None = None,
        idle: Duration | None = None,
        values: Mapping[str, object] | None = None,
    ) -> Self:
        """Begin a new session and return its accessor; for scripts, workers and tests.

        Args:
            store: Where to keep it.
            owner: Who alone may use it, from ``owner_of``; None for whoever has the handle.
            idle: Idle lifetime, when the schema sets none; default 30 minutes.
            values: What it holds from its beginning, by key.

        Raises:
            SessionValueError: If a value does not fit its key, or one that the schema requires is not there.
            SessionKeyError: If the schema has no such key.
        """
        _require_store(store)
        fallback = DEFAULT_IDLE_SECONDS if idle is None else seconds(idle)
        encoded = {name: cls._named(name).encode(value) for name, value in (values or {}).items()}
        return await cls._begin(Call(store, Caller(owner), idle=fallback), encoded)

    @classmethod
    def open(cls, store: Store, handle: str, *, owner: str | None = None) -> Self:
        """Return an accessor for a session that exists; whether it does, its first use will tell.

        Raises:
            SessionNotFoundError: If that is no handle of this kind of session.
        """
        _require_store(store)
        if not isinstance(handle, str):
            raise TypeError(f"a handle is text; got {type(handle).__name__}")
        call = Call(store, Caller(owner))
        return cls(call, by_handle(cls.schema, handle, call))

    @classmethod
    def current(cls) -> Self:
        """Return the session that the current call means: by the handle among its arguments, else without one.

        Where there is none, the accessor's first use raises ``SessionRequiredError``.
        """
        call = current_call()

        def find() -> Access:
            named = call.handles.get(cls.schema.name, set()) if call else set()
            if len(named) > 1:
                raise SessionRequiredError(f"this call names {len(named)} {cls.schema.name} sessions: none is current")
            return locate(cls.schema, call, next(iter(named), "") or None, is_argument=bool(named))

        session = cls(call, find)
        session._note()
        return session

    @classmethod
    def _named(cls, name: str) -> Key[Any, Any]:
        """Return the key of that name."""
        raise NotImplementedError

    @classmethod
    async def _begin(cls, call: Call, values: Mapping[str, bytes]) -> Self:
        missing = [key.name for key in cls.schema.keys if key.create == "required" and key.name not in values]
        if missing:
            raise SessionValueError(f"a {cls.schema.name} session cannot begin without {', '.join(missing)}")
        made = {key.name: key for key in cls.schema.keys if key.form.makes_default and key.name not in values}
        values = {**values, **{name: key.encode(key.default) for name, key in made.items()}}
        ttls = {name: ttl for name in values for ttl in cls._named(name).ttls.values()}
        access = by_handle(cls.schema, mint_handle(cls.schema.name), call)
        await with_room(call.hooks, lambda: call.store.create(access, lifetime_of(cls.schema, call), values, ttls))
        session = cls(call, access)
        if call.hooks is not None:
            await call.hooks.started(session, access)
        return session

    @classmethod
    def _from_argument(cls, value: object) -> Self:
        """Return the session that a tool's argument names; any value will do, so that the model always gets advice."""
        if isinstance(value, cls):
            return value
        call = current_call()
        handle = "" if value is None else str(value).strip()
        if call is not None:
            call.handles.setdefault(cls.schema.name, set()).add(handle)
        session = cls(call, partial(locate, cls.schema, call, handle or None, is_argument=True))
        session._note()
        return session

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Make the class a tool's argument type: a handle, or nothing for the call's own session."""
        inner = core_schema.no_info_plain_validator_function(cls._from_argument)
        return core_schema.with_default_schema(inner, default_factory=partial(cls._from_argument, None))

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the argument to the model; where no handle can name the session, the model sees none."""
        if not cls.schema.has_handles:
            raise PydanticOmit
        return {"type": "string", "description": _describe_argument(cls.schema)}

    # Which session it is

    @property
    def id(self) -> str:
        """The session's id: its handle, or the id of the transport session. It gives access: never log it."""
        return self._access().address.id

    @property
    def store(self) -> Store:
        """The store that keeps this session.

        Raises:
            SessionRequiredError: If there is none, outside of a call.
        """
        if self._call is None:
            self._access()
            raise SessionRequiredError("there is no store outside of a call")
        return self._call.store

    def _access(self) -> Access:
        if not isinstance(self._found, Access):
            self._found = self._found()
        return self._found

    def _note(self) -> None:
        """Have the session kept alive while the call lasts, if it means one; what is wrong, the first use will tell."""
        with suppress(SessionError):
            if self._call is not None:
                access = self._access()
                self._call.used.setdefault(access.address, access)

    async def _ask(
        self, operation: Callable[Concatenate[Access, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Perform a store operation on this session, and say in a model's words when it is not there."""
        call = self._call
        access = meant = self._access()
        if call is not None:
            access = call.used.get(meant.address, meant)
        began: list[SessionInfo] = []
        asking = access
        if call is not None and call.hooks is not None and access.begin and call.hooks.wants_start(self.schema.name):
            asking = replace(access, began=began.append)
        hooks = call.hooks if call is not None else None
        try:
            result = await with_room(hooks, lambda: operation(asking, *args, **kwargs))
        except NotLiveError as missing:
            if meant.begin is not None and access.begin is None:
                raise ended_meanwhile(self.schema, missing.reason) from None
            if access.begin is not None and missing.reason == "expired":
                await end_expired(self.store, access, hooks)
                raise begins_anew(self.schema) from None
            tools = call is None or call.tools
            raise not_live(self.schema, missing.reason, access.address.space, tools=tools) from None
        if call is not None:
            if access.begin is not None:
                has_written = result is None and operation in (self.store.write, self.store.append)
                access = replace(access, begin=None) if has_written or _shows_session(result) else access
            call.used[meant.address] = access
            if began and call.hooks is not None:
                await call.hooks.started(self, meant)
        return result

    # The session as a whole

    async def touch(self) -> datetime:
        """Check that the session is live, let its idle lifetime begin anew, and return when it expires (UTC).

        State without a handle begins with it, as with a write.
        """
        info = await self._ask(self.store.touch)
        return datetime.fromtimestamp(info.expires, UTC)

    async def expires_at(self) -> datetime:
        """Return when the session expires unless it is used before that (UTC).

        Asking is a use, as reading is, so this is ``touch`` by the name of what it returns.
        """
        return await self.touch()

    async def clear(self) -> None:
        """Unset every key; the session stays."""
        await self._ask(self.store.clear)

    async def end(self) -> bool:
        """End the session: what it held is gone, and its handle is good for nothing; False if it was not live.

        State without a handle begins anew when it is written to again.
        """
        store, access, call = self.store, self._access(), self._call
        if call is None:
            return False
        call.used.pop(access.address, None)
        return await end_session(store, access, call.hooks)


def _require_store(store: object) -> None:
    if isinstance(store, str):
        raise TypeError(f"a store is an object, such as open_store({store.partition('://')[0] + '://...'!r}); got text")


def _shows_session(result: object) -> bool:
    """Tell whether what a store returned is of a session that is there: one that may yet begin reads as empty."""
    if isinstance(result, Mapping):
        return any(value is not None for value in result.values())
    return bool(result)


def _describe_argument(schema: SessionSchema) -> str:
    if schema.scope == "handle":
        return f"Required: the handle of a {schema.name} session."
    return (
        f"The handle of a {schema.name} session. Only a client with an MCP session of its own may leave it out, for "
        f"the state of that session."
    )
