"""``ObservedStore``: the store contract, with OpenTelemetry told of each operation."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from mcp_sessions.stores.base import Store, require_store
from mcp_sessions.stores.observed.instruments import Watch, system_of
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Lifetime,
    Listed,
    Page,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
)

__all__ = ["ObservedStore"]

R = TypeVar("R")
Call: TypeAlias = Coroutine[Any, Any, R]


class ObservedStore:
    """Any store, with a span and a duration for each of its operations; ``Sessions`` puts it around its own.

    Where OpenTelemetry has no SDK in this process, an operation is that of the store inside and nothing besides.

    Args:
        store: Where everything is kept. ``aclose`` closes it.
        tracer_provider: Who gets the spans; None for the one that is set globally.
        meter_provider: Who gets the durations; None for the one that is set globally.
    """

    def __init__(
        self,
        store: Store,
        *,
        tracer_provider: TracerProvider | None = None,
        meter_provider: MeterProvider | None = None,
    ) -> None:
        require_store(store, "ObservedStore")
        self.store = store
        self._instruments = Watch(system_of(store), tracer_provider, meter_provider).instruments

    # None of these is a coroutine function: where nobody watches, the store's own coroutine is returned.

    def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> Call[SessionInfo]:
        """See ``Store.create``."""
        return self._told("create", access.address.schema, self.store.create(access, lifetime, values, ttls))

    def touch(self, access: Access, lifetime: Lifetime | None = None) -> Call[SessionInfo]:
        """See ``Store.touch``."""
        return self._told("touch", access.address.schema, self.store.touch(access, lifetime))

    def read(self, access: Access, keys: Sequence[str] | None = None) -> Call[dict[str, bytes]]:
        """See ``Store.read``."""
        return self._told("read", access.address.schema, self.store.read(access, keys), _hit)

    def names(self, access: Access) -> Call[list[str]]:
        """See ``Store.names``."""
        return self._told("names", access.address.schema, self.store.names(access))

    def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> Call[dict[str, bytes | None] | None]:
        """See ``Store.write``."""
        call = self.store.write(access, changes, expected, ttls)
        return self._told("write", access.address.schema, call, _conflict if expected else None)

    def remove(self, access: Access, key: str) -> Call[bytes | None]:
        """See ``Store.remove``."""
        return self._told("remove", access.address.schema, self.store.remove(access, key))

    def clear(self, access: Access) -> Call[None]:
        """See ``Store.clear``."""
        return self._told("clear", access.address.schema, self.store.clear(access))

    def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> Call[bytes]:
        """See ``Store.increment``."""
        call = self.store.increment(access, key, by, initial, ttl)
        return self._told("increment", access.address.schema, call)

    def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> Call[None]:
        """See ``Store.append``."""
        return self._told("append", access.address.schema, self.store.append(access, key, items, initial, ttl))

    def end(self, access: Access, *, values: bool = False, expired: bool = False) -> Call[list[Remains]]:
        """See ``Store.end``."""
        return self._told("end", access.address.schema, self.store.end(access, values=values, expired=expired))

    def purge_expired(self, limit: int = 1000, *, values: bool = False) -> Call[list[Remains]]:
        """See ``Store.purge_expired``."""
        return self._told("purge_expired", None, self.store.purge_expired(limit, values=values))

    def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Call[Page]:
        """See ``Store.scan``."""
        call = self.store.scan(schema=schema, owner=owner, limit=limit, cursor=cursor)
        return self._told("scan", schema, call)

    def look_up(self, address: Address) -> Call[Listed | None]:
        """See ``Store.look_up``."""
        return self._told("look_up", address.schema, self.store.look_up(address))

    def count(self) -> Call[int]:
        """See ``Store.count``."""
        return self._told("count", None, self.store.count())

    def copy_out(self, address: Address) -> Call[SessionCopy | None]:
        """See ``Store.copy_out``."""
        return self._told("copy_out", address.schema, self.store.copy_out(address))

    def copy_in(self, copy: SessionCopy) -> Call[None]:
        """See ``Store.copy_in``."""
        return self._told("copy_in", copy.address.schema, self.store.copy_in(copy))

    def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> Call[bool]:
        """See ``Store.migrate``."""
        call = self.store.migrate(copy, version, changes, untils)
        return self._told("migrate", copy.address.schema, call, _beaten)

    async def aclose(self) -> None:
        """See ``Store.aclose``; it closes the store inside."""
        await self.store.aclose()

    def _told(
        self,
        operation: str,
        schema: str | None,
        call: Call[R],
        outcome: Callable[[R], Mapping[str, bool]] | None = None,
    ) -> Call[R]:
        instruments = self._instruments()
        return call if instruments is None else instruments.told(operation, schema, call, outcome)


def _hit(values: Mapping[str, bytes]) -> Mapping[str, bool]:
    return {"mcp_sessions.hit": bool(values)}


def _conflict(actual: object) -> Mapping[str, bool]:
    return {"mcp_sessions.conflict": actual is not None}


def _beaten(done: bool) -> Mapping[str, bool]:
    return {"mcp_sessions.conflict": not done}
