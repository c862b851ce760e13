"""A span and a measured duration for each operation of a store, by the semantic conventions for database clients.

Nothing that is told says whose session it was, which one, or what was in it: no id, owner, key or value, and no text of
an error, which may name them.
"""

import logging
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Token
from time import monotonic, perf_counter
from typing import Any, Final, TypeAlias, TypeVar

from opentelemetry import metrics, trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.trace import SpanKind, StatusCode

from mcp_sessions.stores.terms import NotLiveError, OtherVersionError, SessionExistsError

R = TypeVar("R")

Attributes: TypeAlias = dict[str, str | bool]

_log: Final = logging.getLogger("mcp_sessions")

_SCOPE: Final = "mcp_sessions"
_LOOK_SECONDS: Final = 1.0
_BUCKETS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)
"""The bounds in seconds that the conventions name for this histogram."""

_SYSTEMS: Final = {
    "MemoryStore": "memory",
    "SQLiteStore": "sqlite",
    "RedisStore": "redis",
    "PostgresStore": "postgresql",
}


def system_of(store: object) -> str:
    """Return what a store keeps its sessions in, as ``db.system.name`` has it; a store around another, what that does.

    A store that is not ours is called by the name of its class.
    """
    inner = store
    while type(inner).__module__.startswith("mcp_sessions.") and hasattr(inner, "store"):
        inner = inner.store
    names = (cls.__name__ for cls in type(inner).__mro__ if cls.__module__.startswith("mcp_sessions."))
    return next((_SYSTEMS[name] for name in names if name in _SYSTEMS), type(inner).__name__)


class Watch:
    """Whether anybody wants to know, and if so the means to tell them.

    Without an SDK of OpenTelemetry there is nobody. Whether there is one now is looked for once a second at most, since
    a program may set it up after the store was made.

    Args:
        system: What the store keeps its sessions in.
        tracer_provider: Who gets the spans; None for the one that is set globally.
        meter_provider: Who gets the durations; None for the one that is set globally.
    """

    def __init__(
        self,
        system: str,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._system = system
        self._providers = tracer_provider, meter_provider
        self._instruments: Instruments | None = None
        self._look_at = 0.0
        if tracer_provider is not None or meter_provider is not None:
            self._instruments = Instruments(system, tracer_provider, meter_provider)

    def instruments(self) -> "Instruments | None":
        """Return what to tell with; None when nobody wants to know."""
        if self._instruments is None and monotonic() >= self._look_at:
            self._look_at = monotonic() + _LOOK_SECONDS
            if _is_real(trace.get_tracer_provider()) or _is_real(metrics.get_meter_provider()):
                self._instruments = Instruments(self._system, None, None)
        return self._instruments


class Instruments:
    """A tracer and a histogram for one store; see ``Watch``."""

    def __init__(
        self,
        system: str,
        tracer_provider: trace.TracerProvider | None,
        meter_provider: metrics.MeterProvider | None,
    ) -> None:
        self._system = system
        # The conventions allow INTERNAL for what is in memory: no other process is asked, and none is to be drawn.
        self._kind = SpanKind.INTERNAL if system == "memory" else SpanKind.CLIENT
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._duration = metrics.get_meter(_SCOPE, meter_provider=meter_provider).create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    async def told(
        self,
        operation: str,
        schema: str | None,
        call: Coroutine[Any, Any, R],
        outcome: Callable[[R], Mapping[str, bool]] | None = None,
    ) -> R:
        """Perform an operation and tell of it.

        Args:
            operation: Its name in the store contract.
            schema: The schema of the session; none for a transport session's own record.
            call: The operation.
            outcome: What is to be told of its result.
        """
        attributes: Attributes = {"db.system.name": self._system, "db.operation.name": operation}
        if schema:
            attributes["db.collection.name"] = schema
        found: Attributes = {}
        start = perf_counter()
        span, token = self._begun(f"{operation} {schema}" if schema else operation, attributes)
        try:
            result = await call
            found = dict(outcome(result)) if outcome is not None else {}
            return result
        except NotLiveError as refused:
            found = {"mcp_sessions.refusal": refused.reason}
            raise
        except SessionExistsError:
            found = {"mcp_sessions.refusal": "exists"}
            raise
        except OtherVersionError:
            found = {"mcp_sessions.refusal": "version"}
            raise
        except BaseException as error:
            found = {"error.type": type(error).__name__}
            raise
        finally:
            seconds = perf_counter() - start
            if token is not None:
                detach(token)
            self._end(span, seconds, attributes, found)

    def _end(self, span: trace.Span, seconds: float, attributes: Attributes, found: Attributes) -> None:
        with _harmless():
            span.set_attributes(found)
            if "error.type" in found:
                span.set_status(StatusCode.ERROR)
            span.end()
        with _harmless():
            self._duration.record(seconds, {**attributes, **found})

    def _begun(self, name: str, attributes: Attributes) -> tuple[trace.Span, Token[Context] | None]:
        """Begin a span, the current one from now on; where that fails, one that nobody hears of."""
        with _harmless():
            span = self._tracer.start_span(name, kind=self._kind, attributes=attributes)
            return span, attach(trace.set_span_in_context(span))
        return trace.INVALID_SPAN, None


@contextmanager
def _harmless() -> Iterator[None]:
    """Keep what listens from changing what becomes of an operation: its own failures are logged."""
    try:
        yield
    except Exception:
        _log.warning("OpenTelemetry could not be told of a store operation", exc_info=True)


def _is_real(provider: object) -> bool:
    """Tell whether a provider is more than what the API has for want of one."""
    return not type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))
