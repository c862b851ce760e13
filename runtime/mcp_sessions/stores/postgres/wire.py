"""One connection, and the calls that are on it.

This speaks to libpq by way of ``psycopg.pq``: psycopg's cursors have their own idea of a pipeline, in which a call
that fails takes others with it, and each call costs several turns of the event loop.
"""

import asyncio
import select
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

import psycopg
from psycopg.adapt import Transformer
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, Format
from psycopg.pq.abc import PGresult

from mcp_sessions.stores.postgres.calls import Row
from mcp_sessions.stores.postgres.definition import Connection

_ROWS: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)
_LAST_WORDS: Final = (b"FATAL", b"PANIC")


class Statement(NamedTuple):
    """A statement with its arguments, as the server takes them.

    Attributes:
        text: Its SQL.
        name: Under which name the server is to keep it prepared for the next time; empty for not at all.
        types: The numbers of its arguments' types.
        formats: For each, 1 if it is sent in binary form.
        arguments: The arguments.
    """

    text: bytes
    name: bytes
    types: list[int]
    formats: list[int]
    arguments: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the server said instead of an answer: SQLSTATE and message."""

    state: str
    message: str


Answer: TypeAlias = list[Row] | Refusal


class Wire:
    """A connection that makes one exchange at a time.

    Attributes:
        answers: What has been answered of the statements that were sent last.
        lost: Why there will be no more answers, if that is so.
        is_late: Whether the server was asked to give up.
        since: Since when there is nothing to do, by the event loop's clock.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._transformer = Transformer(connection)
        self._loop = asyncio.get_running_loop()
        self._then: Callable[[], None] | None = None
        self._expected = 0
        self._in_pipeline = False
        self._last: Answer = []
        self._prepared = {b""}
        self._poller = select.poll() if hasattr(select, "poll") else None
        if self._poller is not None:
            self._poller.register(self._pgconn.socket, select.POLLIN)
        self.answers: list[Answer] = []
        self.lost: Exception | None = None
        self.is_late = False
        self.since = self._loop.time()
        self._descriptor = self._pgconn.socket
        self._loop.add_reader(self._descriptor, self._on_readable)

    def send(self, statements: Sequence[Statement], then: Callable[[], None]) -> None:
        """Send statements together, each of which is a transaction of its own.

        Args:
            statements: The statements.
            then: Called when all are answered, or the connection is lost; not before this returns.
        """
        pgconn = self._pgconn
        self.answers = []
        self._last = []
        self._then = then
        self._expected = len(statements)
        if not statements:
            self._loop.call_soon(self._end_exchange)
            return
        self._in_pipeline = len(statements) > 1 or statements[0].name not in self._prepared
        try:
            if self._in_pipeline:
                pgconn.enter_pipeline_mode()
            for one in statements:
                self._send(one)
                if self._in_pipeline:
                    pgconn.pipeline_sync()
            if pgconn.flush():
                self._loop.add_writer(self._descriptor, self._on_writable)
        except psycopg.Error as error:
            self.lost = error
            self._loop.call_soon(self._end_exchange)

    def is_alive(self) -> bool:
        """Tell whether the server has not hung up, as far as is known here: its last words are read, then the end."""
        if self._poller is not None and not self._poller.poll(0):
            return self._pgconn.status == ConnStatus.OK
        try:
            self._pgconn.consume_input()
            self._pgconn.consume_input()
        except psycopg.Error:
            return False
        return self._pgconn.status == ConnStatus.OK

    async def interrupt(self, patience: float) -> None:
        """Ask the server to give up on what it is doing; if it does not, cut the connection."""
        then = self._then
        if then is None:
            return
        until = self._loop.time() + patience
        with suppress(psycopg.Error, OSError):
            while self._then is then and self._loop.time() < until:
                await self._connection.cancel_safe(timeout=patience)  # one statement of those that were sent
                await asyncio.sleep(0.005)
        if self._then is then:
            self._lose(psycopg.OperationalError("it does not answer"))

    def close(self) -> None:
        """Hang up, without a word to those who wait."""
        self._then = None
        self._stop_looking()
        self._pgconn.finish()

    def _stop_looking(self) -> None:
        if not self._loop.is_closed():
            self._loop.remove_reader(self._descriptor)
            self._loop.remove_writer(self._descriptor)

    def _send(self, one: Statement) -> None:
        if one.name not in self._prepared:
            self._pgconn.send_prepare(one.name, one.text, one.types)
            self._prepared.add(one.name)
        if one.name:
            self._pgconn.send_query_prepared(one.name, one.arguments, one.formats, Format.BINARY)
        else:
            self._pgconn.send_query_params(one.text, one.arguments, one.types, one.formats, Format.BINARY)

    def _on_writable(self) -> None:
        try:
            if not self._pgconn.flush():
                self._loop.remove_writer(self._descriptor)
        except psycopg.Error as error:
            self._lose(error)

    def _on_readable(self) -> None:
        try:
            self._pgconn.consume_input()
            while self._expected and not self._pgconn.is_busy():
                self._take()
        except psycopg.Error as error:
            self._lose(error)
        else:
            if not self._expected and self._then is not None:
                self._end_exchange()

    def _lose(self, error: psycopg.Error) -> None:
        self.lost = error
        self._stop_looking()  # else the event loop would find the end of it again and again
        if self._then is not None:
            self._end_exchange()

    def _end_exchange(self) -> None:
        then, self._then = self._then, None
        if self._in_pipeline and self.lost is None:
            self._pgconn.exit_pipeline_mode()
        self._in_pipeline = False
        if then is not None:
            then()

    def _take(self) -> None:
        """Take one result, or the end of a statement: before that it is not committed, so there is no answer."""
        result = self._pgconn.get_result()
        if result is None:
            if not self._in_pipeline:
                self._end()
        elif result.status == ExecStatus.PIPELINE_SYNC:
            self._end()
        elif result.status in _ROWS:
            self._transformer.set_pgresult(result)
            self._last = self._transformer.load_rows(0, result.ntuples, tuple)
        elif result.status != ExecStatus.PIPELINE_ABORTED:
            self._last = self._refusal(result)

    def _end(self) -> None:
        self.answers.append(self._last)
        self._last = []
        self._expected -= 1

    def _refusal(self, result: PGresult) -> Refusal:
        message = _text(result.error_field(DiagnosticField.MESSAGE_PRIMARY) or result.error_message)
        severity = result.error_field(DiagnosticField.SEVERITY_NONLOCALIZED)
        if severity in _LAST_WORDS or self._pgconn.status != ConnStatus.OK:
            raise psycopg.OperationalError(message)
        return Refusal(_text(result.error_field(DiagnosticField.SQLSTATE) or b""), message)


def _text(message: bytes | str) -> str:
    return message if isinstance(message, str) else message.decode(errors="replace")
