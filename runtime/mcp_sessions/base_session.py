"""What every accessor is: one session, named by a call or by a handle, and looked for at its first use.

Owns the accessor's life: how it is made, as a tool argument too, and how it asks its store. What it does with keys is
in ``keyed_session`` and ``transactions``, the typed and the untyped faces in ``session`` and ``untyped``.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Concatenate, Final, ParamSpec, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypeVar

from mcp_sessions.arguments import described
from mcp_sessions.attempts import ATTEMPTS
from mcp_sessions.context import Call, Caller, Hooks, current_call, end_expired, end_session, with_room
from mcp_sessions.durations import DEFAULT_IDLE_SECONDS, Duration, seconds
from mcp_sessions.errors import (
    SessionConflictError,
    SessionError,
    SessionRequiredError,
    SessionValueError,
    StoreError,
)
from mcp_sessions.failures import retell, retelling
from mcp_sessions.ids import masked, mint_handle
from mcp_sessions.keys import Key
from mcp_sessions.migrating import bring_up
from mcp_sessions.resolve import begins_anew, by_handle, ended_meanwhile, lifetime_of, locate, not_live
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores.base import Access, NotLiveError, OtherVersionError, Reason, SessionInfo, Store

R = TypeVar("R")
P = ParamSpec("P")


class BaseSession:
    """One session of one schema.

    An accessor is cheap and lazy: making one reads nothing, and each method is one round trip to the store (two for
    those that compare and set). It may be kept for as long as the call that made it.
    """

    schema: ClassVar[SessionSchema]
    _call: Call | None
    _found: Access | Callable[[], Access]
    _seen: Access | None  # the access by which the session was found, which cannot begin it

    if TYPE_CHECKING:  # where a bare call is refused by type checkers; below it is told what to do

        def __init__(self, call: Call | None, access: Access | Callable[[], Access]) -> None: ...

    else:

        def __init__(self, call=None, access=None):
            """Make an accessor for a session, or for what is found at its first use; users ``create`` or ``open`` one.

            Raises:
                TypeError: If it is not said which session.
            """
            if access is None:
                raise TypeError(_NOT_CALLED.format(type(self).__name__))
            self._call = call
            self._found = access
            self._seen = None

    def __setattr__(self, name: str, value: object) -> None:
        if not name.startswith("_"):
            raise AttributeError(
                f"{type(self).__name__} has no attribute {name!r} that could be set: a key is written by await "
                f"session.set_{name}(...), or session.set({name!r}, ...)"
            )
        super().__setattr__(name, value)

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
        return await cls._begin(Call(store, Caller(owner), idle=fallback, tools=_has_tools()), encoded)

    @classmethod
    def open(cls, store: Store, handle: str, *, owner: str | None = None) -> Self:
        """Return an accessor for a session that exists; whether it does, its first use will tell.

        Raises:
            SessionNotFoundError: If that is no handle of this kind of session.
        """
        _require_store(store)
        if not isinstance(handle, str):
            raise TypeError(f"a handle is text; got {type(handle).__name__}")
        call = Call(store, Caller(owner), tools=_has_tools())
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
        with retelling():
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
        return described(cls.schema)

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
        call = self._call
        return call.store if call is not None else self._served.store

    @property
    def _served(self) -> Call:
        if self._call is None:
            self._access()
            raise SessionRequiredError("there is no store outside of a call")
        return self._call

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
        """Perform a store operation on this session, after a migration if it is of an older version.

        What goes wrong is said in a model's words.
        """
        seen, call = self._seen, self._call
        if seen is not None and call is not None and call.used.get(seen.address) is seen:
            try:
                return await operation(seen, *args, **kwargs)
            except (NotLiveError, OtherVersionError):
                self._seen = None
            except StoreError as error:
                retell(error)
        for _ in range(ATTEMPTS):
            try:
                return await self._ask_once(operation, *args, **kwargs)
            except StoreError as error:
                retell(error)
            except OtherVersionError:
                with retelling():
                    await bring_up(self.store, self.schema, self._access().address)
        raise SessionConflictError(
            f"{self.schema.name}: others changed the session each time that it was to be migrated. Try again."
        )

    async def _ask_once(
        self, operation: Callable[Concatenate[Access, P], Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        call, meant = self._served, self._access()
        access = call.used.get(meant.address, meant)
        try:
            if access.begin is not None:
                begins = operation in (self.store.touch, self.store.write, self.store.increment, self.store.append)
                return await self._begin_or_ask(access, lambda claim: operation(claim, *args, **kwargs), begins=begins)
            result = await operation(access, *args, **kwargs)
        except NotLiveError as missing:
            raise await self._refusal(meant, missing.reason) from None
        call.used[meant.address] = self._seen = access
        return result

    async def _begin_or_ask(self, access: Access, operation: Callable[[Access], Awaitable[R]], *, begins: bool) -> R:
        """Perform an operation on state that may begin; once it is there, nothing of this call may begin it anew.

        Hooks are told before anything is written, which costs two more round trips when the state begins.
        """
        call, hooks = self._served, self._served.hooks
        there = replace(access, begin=None)

        def note(*began: SessionInfo) -> None:
            call.used[access.address] = there

        asking = replace(access, began=note, found=note)
        call.used.setdefault(access.address, access)
        if begins and hooks is not None and hooks.wants_start(self.schema.name):
            try:
                return await operation(there)
            except NotLiveError as missing:
                if missing.reason == "expired":
                    raise
            await self._begin_alone(hooks, asking)
            return await operation(there)
        return await with_room(hooks, lambda: operation(asking))

    async def _begin_alone(self, hooks: Hooks, access: Access) -> None:
        """Begin the session with nothing in it, and tell the hooks; do nothing if somebody else was faster."""
        began: list[SessionInfo] = []

        def note(info: SessionInfo) -> None:
            began.append(info)
            if access.began is not None:
                access.began(info)

        await with_room(hooks, lambda: self.store.touch(replace(access, began=note)))
        if began:
            await hooks.started(self, access)

    async def _refusal(self, meant: Access, reason: Reason) -> SessionError:
        """Return the error for a session that is not there; if it has expired and may begin anew, take note of that."""
        call, schema, space = self._served, self.schema, meant.address.space
        access = call.used.get(meant.address, meant)
        is_lost = meant.address.has_parent and await self.store.look_up(meant.address.parent) is None
        if meant.begin is None or is_lost:
            return not_live(schema, reason, space, tools=call.tools, prefix=call.prefix)
        if reason == "expired":
            await end_expired(self.store, meant, call.hooks)
        if access.begin is None:
            return ended_meanwhile(schema, reason)
        return begins_anew(schema) if reason == "expired" else not_live(schema, reason, space)

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
        call, access = self._served, self._access()
        self._seen = None
        call.used.pop(access.address, None)
        with retelling():
            is_ended = await end_session(self.store, access, call.hooks)
            if not is_ended and access.begin is not None:
                await end_expired(self.store, access, call.hooks)
        return is_ended


_NOT_CALLED: Final = (
    "{0}(...) makes no session: a tool has it as a parameter, such as session: {0}; elsewhere in a call there is "
    "{0}.current(); and outside of a server await {0}.create(store), or {0}.open(store, handle)"
)


def _has_tools() -> bool:
    """Tell whether there is a call of a server whose tools can be recommended."""
    call = current_call()
    return call is not None and call.tools


def _require_store(store: object) -> None:
    if isinstance(store, str):
        raise TypeError(f"a store is an object, such as open_store({store.partition('://')[0] + '://...'!r}); got text")
