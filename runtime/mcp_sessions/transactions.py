"""More than one key at a time: transactions, on whatever kind of draft a session has.

A transaction is optimistic: it reads everything, leaves it to the user, and writes by one compare-and-set over all that
it has read. So what it writes never rests on what is no longer so, in a key that it does not change either.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import iscoroutinefunction
from typing import Generic

from typing_extensions import TypeVar

from mcp_sessions import attempts
from mcp_sessions.attempts import Beaten, require_value, until_written
from mcp_sessions.drafts import Draft
from mcp_sessions.errors import SessionConflictError, SessionDataError
from mcp_sessions.keyed_session import KeyedSession
from mcp_sessions.locks import local_lock

StateT = TypeVar("StateT")
R = TypeVar("R")


class TransactionalSession(KeyedSession, Generic[StateT]):
    """A session whose keys can be changed together, in a draft of its state."""

    async def snapshot(self) -> StateT:
        """Return all keys at one moment."""
        raise NotImplementedError

    async def _draft(self) -> Draft[StateT]:
        """Read everything."""
        raise NotImplementedError

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[StateT]:
        """Hand out a draft of the state, and write what was changed in it when the block ends: all of it or nothing.

        ``async with session.transaction() as draft:`` gives what ``snapshot()`` would, to be changed, also deep inside.
        A key is unset by ``del draft.x``, or by None where its type does not accept None. Only changed keys are
        written, and only if the whole session is still as it was read; an exception in the block writes nothing.
        In the block use the draft alone: what the session's own methods write meanwhile is a conflict like any other.

        Raises:
            SessionValueError: If a changed value does not fit its key, or the values do not fit together.
            SessionConflictError: If others changed the session meanwhile; ``transact`` would try again.
            SessionDataError: If what is stored does not fit, or not together.
        """
        draft = await self._draft()
        yield draft.state
        try:
            await self._commit(draft)
        except Beaten:
            raise await self._conflict("meanwhile") from None

    async def transact(self, fn: Callable[[StateT], R]) -> R:
        """Run ``fn`` on a draft, as the block of a ``transaction``, and return its result; ``fn`` may run again.

        It runs again, on a fresh draft, when others changed the session meanwhile.

        Raises:
            TypeError: If ``fn`` is async: it must not wait for anything.
            SessionValueError: If a changed value does not fit its key, or the values do not fit together.
            SessionConflictError: If others won each time, until the retries were used up.
            SessionDataError: If what is stored does not fit, or not together.
        """
        _require_sync(fn)

        async def attempt() -> R:
            draft = await self._draft()
            result = fn(draft.state)
            require_value(result, "transact")
            await self._commit(draft)
            return result

        # Not the name of any key's lock. While it is held, those are taken, and never the other way round.
        async with local_lock(id(self.store), self._access().address):
            try:
                return await until_written(attempt)
            except Beaten:
                raise await self._conflict(f"{attempts.ATTEMPTS} times in a row") from None

    async def _commit(self, draft: Draft[StateT]) -> None:
        write = draft.write()
        if write.changes:
            await self._replace(write.changes, write.expected, write.ttls)

    async def _conflict(self, when: str) -> SessionConflictError:
        try:
            current = await self.snapshot()
        except SessionDataError:
            current = None
        return SessionConflictError(
            f"{self.schema.name}: others changed the session {when}; nothing was written. Try again.", current=current
        )


def _require_sync(fn: Callable[..., object]) -> None:
    if iscoroutinefunction(fn) or iscoroutinefunction(type(fn).__call__):
        raise TypeError("transact() takes a function that is not async; to await something, use transaction()")
