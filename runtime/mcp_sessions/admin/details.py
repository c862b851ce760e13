"""One session with its keys at one moment: what each holds, of what type, until when, and what is wrong with it."""

import asyncio
import time
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, Literal, TypeAlias

from mcp_sessions.admin.catalog import Catalog, doc_of, is_untyped
from mcp_sessions.admin.json_text import shown
from mcp_sessions.admin.store_time import innermost
from mcp_sessions.admin.summaries import Summary, summary_of
from mcp_sessions.admin.type_text import type_text
from mcp_sessions.base_session import BaseSession
from mcp_sessions.errors import SessionDataError, SessionError, StoreError
from mcp_sessions.hiding import is_secret_name
from mcp_sessions.ids import masked
from mcp_sessions.keys import Key
from mcp_sessions.schema import SessionSchema
from mcp_sessions.stores import room
from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.terms import EVENTS_SCHEMA, Address, Listed, SessionCopy, SessionInfo

State: TypeAlias = Literal["set", "unset", "invalid", "undeclared"]
"""Of a key: it has a value; it has none; its value does not fit; its schema does not have it."""

_LARGE: Final = 256 * 1024
"""From so many bytes on, values are read in a thread: it may take seconds, and others go on meanwhile."""

SEALED = b"\xfa"
"""What an encrypted value begins with, and no JSON; see ``stores.encrypted.sealing``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One key of one session.

    Attributes:
        key: Its name.
        type: Its type, as its schema says; None where no schema does.
        doc: What the schema says of it.
        state: How it stands.
        is_secret: Whether it is shown only to who asks for that.
        text: The value as indented JSON, with secrets inside of it masked; the default of a key that is unset and has
            one. None where there is nothing to show or it may not be shown.
        raw: The bytes that are stored; None where there are none, or some of them may not be shown.
        size: Bytes of name and value.
        expires_in: Seconds until it is unset again; None for as long as the session lives.
        problem: What is wrong with it, in words without the value.
        is_default: Whether ``text`` is the default.
        is_partial: Whether secrets are masked in ``text``.
        is_encrypted: Whether the value is one that nobody can read here.
    """

    key: str
    type: str | None = None
    doc: str = ""
    state: State = "set"
    is_secret: bool = False
    text: str | None = field(default=None, repr=False)
    raw: bytes | None = field(default=None, repr=False)
    size: int = 0
    expires_in: float | None = None
    problem: str = ""
    is_default: bool = False
    is_partial: bool = False
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """One session with its keys, at one moment.

    Attributes:
        summary: What a list has of it.
        entries: Its keys: those of the schema in its order, then the others by their names.
        copy: All that was in the store, secrets too.
        idle_lifetime: Its idle lifetime in seconds.
        max_at: When it expires however much it is used; None for never.
        has_schema: Whether its schema is at hand.
        schema_version: The version of that schema; None where it is not at hand.
        problem: What is wrong with the session as a whole.
        is_readable: Whether its values are of a version that the schema at hand reads.
        takes_all_as_secret: Whether all keys count as secret, because the schema that says which are is not at hand.
    """

    summary: Summary
    entries: tuple[Entry, ...]
    copy: SessionCopy = field(repr=False)
    idle_lifetime: float
    max_at: float | None
    has_schema: bool
    schema_version: int | None = None
    problem: str = ""
    is_readable: bool = True
    takes_all_as_secret: bool = False


async def show(store: Store, address: Address, catalog: Catalog, *, reveal: bool = False) -> Detail | None:
    """Return a live session with its keys, whoever owns it; None if there is none. It is no use of the session.

    Args:
        store: Where it is.
        address: Names it.
        catalog: The schemas at hand.
        reveal: Whether secrets are to be seen.

    Raises:
        mcp_sessions.StoreError: If the store fails.
    """
    require_store(store, "a look at a session")
    copy, problem = await copy_of(store, address)
    if copy is None:
        return None
    accessor = catalog.find(address.schema)
    version_problem, is_readable = (
        ("", True) if accessor is None or is_untyped(accessor) else _compared(accessor.schema, copy)
    )
    now = copy.taken or time.time()
    times = (copy.created, copy.expires, copy.version, copy.digest)
    info = SessionInfo(*times, room.size_of(copy.values), copy.since, copy.idle, copy.max_at)
    reader = _Reader(copy, now, reveal=reveal)
    typed = accessor if accessor is not None and is_readable and not is_untyped(accessor) else None
    entries = partial(reader.untyped, accessor) if typed is None else partial(reader.typed, typed)
    return Detail(
        summary=summary_of(Listed(address, copy.owner, info), now),
        entries=await asyncio.to_thread(entries) if info.size > _LARGE else entries(),
        copy=copy,
        idle_lifetime=copy.idle,
        max_at=copy.max_at,
        has_schema=accessor is not None,
        schema_version=None if accessor is None else accessor.schema.version,
        problem=problem or version_problem,
        is_readable=is_readable,
        takes_all_as_secret=reader.takes_all_as_secret(accessor),
    )


async def copy_of(store: Store, address: Address) -> tuple[SessionCopy | None, str]:
    """Return what is kept of a session, and why its values are given as they are in the store, if they are encrypted.

    Raises:
        StoreError: If the store fails.
    """
    try:
        return await store.copy_out(address), ""
    except (SessionDataError, StoreError) as error:
        inner = innermost(store)
        if inner is store:
            raise
        return await inner.copy_out(address), str(error)


def _compared(schema: SessionSchema, copy: SessionCopy) -> tuple[str, bool]:
    """Return what is to be said of a session's version, and whether the schema at hand reads it."""
    theirs, ours = copy.version, schema.version
    if theirs > ours and copy.since > ours:
        return f"its data is of version {theirs}, and the schema at hand is version {ours}: newer code is needed", False
    if theirs < schema.reads_since:
        return f"its data is of version {theirs}, and is migrated to version {ours} when it is next used", False
    return "", True


class _Reader:
    """Makes entries of the values of a copy."""

    def __init__(self, copy: SessionCopy, now: float, *, reveal: bool) -> None:
        self._copy = copy
        self._now = now
        self._reveal = reveal

    def typed(self, accessor: type[BaseSession]) -> tuple[Entry, ...]:
        """Return the entries of a session whose schema reads it."""
        keys = accessor.schema.keys
        others = sorted(self._copy.values.keys() - {key.name for key in keys})
        undeclared = (Entry(key=name, state="undeclared", is_secret=self._hides(name, accessor)) for name in others)
        return (*(self._declared(accessor, key) for key in keys), *map(self._held, undeclared))

    def untyped(self, accessor: type[BaseSession] | None) -> tuple[Entry, ...]:
        """Return the entries of a session of which no schema says the types; one may say what is secret."""
        names = sorted(self._copy.values)
        if self._copy.address.schema == EVENTS_SCHEMA:
            return tuple(map(self._event, names))
        return tuple(self._held(Entry(key=name, is_secret=self._hides(name, accessor))) for name in names)

    def takes_all_as_secret(self, accessor: type[BaseSession] | None) -> bool:
        """Tell whether a schema wrote the session that is not at hand: it alone says which keys are secret."""
        return bool(self._copy.digest) and (accessor is None or is_untyped(accessor))

    def _hides(self, name: str, accessor: type[BaseSession] | None) -> bool:
        """Tell whether a key that has a value is secret, or may be by a schema that is not at hand or is newer."""
        if self.takes_all_as_secret(accessor) or is_secret(name, accessor):
            return True
        if accessor is None or is_untyped(accessor) or self._copy.version <= accessor.schema.version:
            return False
        return all(key.name != name for key in accessor.schema.keys)

    def _event(self, name: str) -> Entry:
        """Return the entry of an event: its id gives access to what its stream has had, and its value names others."""
        number, _, random = name.partition("-")
        entry = self._held(Entry(key=name, is_secret=True))
        return replace(entry, key=f"{number}-{masked(random)}" if random else masked(name))

    def _declared(self, accessor: type[BaseSession], key: Key[Any, Any]) -> Entry:
        about = Entry(key=key.name, type=_type_of(key), doc=doc_of(accessor, key))
        entry = replace(about, is_secret=is_secret(key.name, accessor))
        raw = self._copy.values.get(key.name)
        if raw is None:
            return self._unset(entry, key)
        problem = "" if raw.startswith(SEALED) else problem_of(key, raw)
        return self._held(replace(entry, state="invalid", problem=problem) if problem else entry)

    def _unset(self, entry: Entry, key: Key[Any, Any]) -> Entry:
        entry = replace(entry, state="unset")
        try:
            default = key.default
            if default is None and not key.form.makes_default:
                return entry
            text, is_partial = shown(key.form.dump(default), reveal=self._reveal)
        except Exception as error:  # the user's code, which may raise anything
            problem = str(error) if isinstance(error, SessionError) else "its default cannot be made"
            return replace(entry, problem=problem)
        may_be_seen = self._reveal or not entry.is_secret
        return replace(entry, text=text if may_be_seen else None, is_partial=is_partial, is_default=True)

    def _held(self, entry: Entry) -> Entry:
        """Complete the entry of a key that has a value."""
        raw, until = self._copy.values[entry.key], self._copy.untils.get(entry.key)
        text, is_partial = shown(raw, reveal=self._reveal)
        entry = replace(
            entry,
            size=len(entry.key.encode()) + len(raw),
            expires_in=None if until is None else until - self._now,
            is_encrypted=raw.startswith(SEALED),
        )
        if text is None and not entry.is_encrypted:
            entry = replace(entry, state="invalid", problem=entry.problem or "what is stored is no JSON")
        if entry.is_secret and not self._reveal:
            return entry
        may_be_seen = self._reveal or not (is_partial or text is None)  # nobody knows what is in what is no JSON
        return replace(entry, text=text, raw=raw if may_be_seen else None, is_partial=is_partial)


def is_secret(name: str, accessor: type[BaseSession] | None) -> bool:
    """Tell whether the value of a key is a secret: by its name, or because a version of its schema says so."""
    return is_secret_name(name) or (accessor is not None and name in accessor.schema.secrets)


def problem_of(key: Key[Any, Any], raw: bytes) -> str:
    """Return why a stored value does not fit its key, in words without the value; "" if it does."""
    try:
        key.decode_set(raw)
    except SessionDataError as error:
        return str(error).removesuffix("; it was left as it is")
    except Exception as error:  # a validator of the user's, which may raise anything, and say anything
        return f"its validation failed with {type(error).__name__}"
    return ""


def _type_of(key: Key[Any, Any]) -> str | None:
    try:
        return type_text(key.form.annotation)
    except Exception:  # of a bound key whose model cannot be built any more
        return None
