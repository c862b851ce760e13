"""The store in Redis or Valkey: for any number of workers on any number of machines."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from mcp_sessions.errors import StoreError, StoreUrlError
from mcp_sessions.stores import cursors, jsontext
from mcp_sessions.stores.checkup import Checkup
from mcp_sessions.stores.redis.answers import copy_of, info_of, listed_of, remains_of, result_of, values_of
from mcp_sessions.stores.redis.asker import Asker
from mcp_sessions.stores.redis.checkup import checkup, facts_of, seconds_of
from mcp_sessions.stores.redis.claims import or_none
from mcp_sessions.stores.redis.clients import Client, GivenServer, Server, take_options
from mcp_sessions.stores.redis.line import Argument
from mcp_sessions.stores.redis.names import Partition, address_named, name_of, owner_name, parent_name_of, partitions_of
from mcp_sessions.stores.terms import (
    Access,
    Address,
    Clock,
    Lifetime,
    Listed,
    Page,
    Remains,
    SchemaVersion,
    SessionCopy,
    SessionInfo,
)
from mcp_sessions.stores.texts import is_text, require_text

__all__ = ["RedisStore"]

_CLUSTER_PARTITIONS: Final = 64
_TRIES: Final = 1000
_PURGE: Final = 32
"""How many sessions a script removes at most: while it runs, everybody else waits."""
_FAILURES: Final = 3
"""After how many partitions that fail purging is given up; each may take until a timeout."""
_LOOK_AT: Final = 1000
"""How many names one step of a listing looks at."""


class RedisStore:
    """Sessions in a Redis (6.2 or newer) or Valkey server, or in a cluster of them.

    Each operation is one script that runs inside the server, one round trip, by the server's clock. Safe to use from
    several event loops and threads: each loop has a connection of its own, which is closed with the loop at the latest.
    Calls that are made at the same time are sent together.

    What nobody purges the server removes by itself, once a session would have been forgotten and ``GRACE_SECONDS``
    more have passed. Nothing but the indexes, which are small, is kept without such an expiry; a server that evicts
    must be set to evict only keys that have one (``volatile-...``) or none.

    The contract is kept, with these exceptions:

    - A failure after a request was sent, such as a timeout, leaves it unknown whether the operation was done.
      It is not tried again by itself, so nothing is done twice.
    - ``increment`` on whole numbers from 2**53, and on fractions that are very large, small or written with an
      exponent, takes two round trips or more: it reads, adds, and writes if nobody came between.
    - With several ``partitions``, as in a cluster, beginning a session under a limit of sessions takes three round
      trips, and callers who begin sessions at the same moment can exceed the limit by one each.
    - ``scan`` and ``purge_expired`` ask one partition after the other, and ``scan`` in steps.

    Args:
        url: Where the server is: ``redis://``, ``rediss://`` (TLS), ``valkey://``, ``valkeys://`` or ``unix://``, with
            the options of redis-py, and ``cluster=true``, ``prefix`` and ``partitions``.
        client: Instead of an address, a client of redis-py's ``asyncio`` (also a cluster's, or from its ``Sentinel``).
            It serves one event loop, and remains its owner's to close. A cluster's should not try again by itself
            (``retry=Retry(NoBackoff(), 0)``), or what was done may be done twice.
        prefix: What every key begins with; stores with different prefixes share nothing.
        partitions: Over how many parts sessions are spread, each in one slot of a cluster; the same on every worker
            for ever. By default 1, and 64 in a cluster.
        cluster: Whether the address is one of a cluster's nodes.
        clock: Seconds since the epoch, instead of the server's clock.
        options: For redis-py's client, over what the URL says.

    Raises:
        StoreUrlError: If the address or an option is none. Whether the server is there shows the first operation.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        client: Client | None = None,
        prefix: str | None = None,
        partitions: int | None = None,
        cluster: bool | None = None,
        clock: Clock | None = None,
        **options: Any,
    ) -> None:
        server: Server | GivenServer
        if client is not None:
            if url is not None or options:
                raise StoreUrlError("give either a URL with options or a client, not both")
            server = GivenServer(client)
        else:
            given: dict[str, str] = {}
            if url is not None and "?" in url:
                url, given = take_options(url, ("cluster", "prefix", "partitions"))
            is_cluster = _is_yes(given.get("cluster", "no")) if cluster is None else cluster
            server = Server(url or "redis://localhost:6379", is_cluster=is_cluster, options=options)
            prefix = given.get("prefix") if prefix is None else prefix
            partitions = _number(given["partitions"]) if partitions is None and "partitions" in given else partitions
        prefix = "mcp-sessions" if prefix is None else prefix
        if not prefix or not is_text(prefix) or set("{}") & set(prefix):
            raise StoreUrlError("the prefix of keys is a text without braces, and not empty")
        if partitions is None:
            partitions = _CLUSTER_PARTITIONS if server.is_cluster else 1
        if isinstance(partitions, bool) or not 1 <= partitions <= 16384:
            raise StoreUrlError("partitions is a whole number from 1 to 16384")
        self._asker = Asker(server, partitions_of(prefix, partitions), clock)

    async def create(
        self,
        access: Access,
        lifetime: Lifetime,
        values: Mapping[str, bytes] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> SessionInfo:
        """See ``Store.create``."""
        given, until = dict(values or {}), dict(ttls or {})
        require_text(access.address.id, *given)
        arguments: list[Argument] = []
        for key, value in given.items():
            arguments += (_field(key), value, _ttl(until.get(key)))
        claim = replace(access, begin=lifetime, began=None, found=None)
        return info_of(await self._asker.use("create", claim, *arguments))

    async def touch(self, access: Access, lifetime: Lifetime | None = None) -> SessionInfo:
        """See ``Store.touch``."""
        times = ("", "") if lifetime is None else (repr(float(lifetime.idle)), repr(or_none(lifetime.max)))
        return info_of(await self._asker.use("touch", access, *times))

    async def read(self, access: Access, keys: Sequence[str] | None = None) -> dict[str, bytes]:
        """See ``Store.read``."""
        if keys is None:
            return values_of(await self._asker.use("read", access, "all"))
        wanted = list(dict.fromkeys(keys))
        require_text(*wanted)
        found = await self._asker.use("read", access, "some", *map(_field, wanted))
        return {key: value for key, value in zip(wanted, found, strict=False) if value is not None}

    async def names(self, access: Access) -> list[str]:
        """See ``Store.names``."""
        return sorted(key.decode() for key in await self._asker.use("read", access, "names"))

    async def write(
        self,
        access: Access,
        changes: Mapping[str, bytes | None],
        expected: Mapping[str, bytes | None] | None = None,
        ttls: Mapping[str, float] | None = None,
    ) -> dict[str, bytes | None] | None:
        """See ``Store.write``."""
        given, wanted, until = dict(changes), dict(expected or {}), dict(ttls or {})
        require_text(*given, *wanted)
        arguments: list[Argument] = [len(given)]
        for key, value in given.items():
            arguments += (_field(key), _maybe(value), _ttl(until.get(key)))
        for key, value in wanted.items():
            arguments += (_field(key), _maybe(value))
        held = await self._asker.use("write", access, *arguments)
        return None if held is None else dict(zip(wanted, held, strict=True))

    async def remove(self, access: Access, key: str) -> bytes | None:
        """See ``Store.remove``."""
        require_text(key)
        held: bytes | None = await self._asker.use("remove", access, _field(key))
        return held

    async def clear(self, access: Access) -> None:
        """See ``Store.clear``."""
        await self._asker.use("clear", access)

    async def increment(
        self, access: Access, key: str, by: int | float, initial: bytes, ttl: float | None = None
    ) -> bytes:
        """See ``Store.increment``."""
        require_text(key)
        added = repr(by) if abs(by) < 2**53 else ""
        answer = await self._asker.ask("increment", access, _field(key), added, initial, _ttl(ttl))
        total: bytes | None = result_of(access, answer)
        if total is not None:
            return total
        held: bytes | None = answer[3]
        for tries in range(_TRIES):
            total = jsontext.added(initial if held is None else held, by)
            now_held = await self.write(access, {key: total}, {key: held}, None if ttl is None else {key: ttl})
            if now_held is None:
                return total
            held = now_held[key]
            await asyncio.sleep(random.uniform(0, 0.001 * min(tries, 50)))
        raise StoreError(f"others changed {key!r} each of the {_TRIES} times that it was to be added to")

    async def append(
        self, access: Access, key: str, items: Sequence[bytes], initial: bytes, ttl: float | None = None
    ) -> None:
        """See ``Store.append``."""
        require_text(key)
        await self._asker.use("append", access, _field(key), b",".join(items), initial, _ttl(ttl))

    async def end(self, access: Access, *, values: bool = False, expired: bool = False) -> list[Remains]:
        """See ``Store.end``."""
        if not is_text(access.address.id):
            return []
        how = ("values" if values else "", "expired" if expired else "")
        return remains_of(await self._asker.use("end", replace(access, began=None, found=None), *how))

    async def purge_expired(self, limit: int = 1000, *, values: bool = False) -> list[Remains]:
        """See ``Store.purge_expired``."""
        gone: list[Remains] = []
        failures: list[StoreError] = []
        start = random.randrange(len(self._asker.partitions))
        for partition in self._asker.partitions[start:] + self._asker.partitions[:start]:
            try:
                limit = await self._purge(partition, limit, gone, values=values)
            except StoreError as error:
                failures.append(error)  # other nodes may be well, and what is gone already has to be told
                if len(failures) == _FAILURES:
                    break
        if failures and not gone:
            raise failures[0]
        return gone

    async def _purge(self, partition: Partition, limit: int, gone: list[Remains], *, values: bool) -> int:
        """Purge a partition in steps, add what remains to ``gone``, and return how much of the limit is left."""
        done = step = min(limit, _PURGE)
        while 0 < step <= done:
            arguments = (step, "values" if values else "")
            done, found = result_of(None, await self._asker.operate("purge", partition, *arguments))
            gone += remains_of(found)
            limit -= done
            step = min(limit, _PURGE)
        return limit

    async def scan(
        self, *, schema: str | None = None, owner: str | None = None, limit: int = 100, cursor: str = ""
    ) -> Page:
        """See ``Store.scan``."""
        cursors.require_limit(limit)
        after = cursors.name_of(cursor)
        first, lower = 0, b"-"
        if cursor:
            address = address_named(*after)
            first, lower = self._asker.partition_of(address).number, _behind(name_of(address))
        wanted = b"" if schema is None else b"=" + schema.encode("utf-8", "surrogatepass")
        whose = b"" if owner is None else b"=" + owner_name(owner)
        found: list[Listed] = []
        for partition in self._asker.partitions[first:]:
            while lower and len(found) <= limit:
                arguments = (lower, wanted, whose, limit + 1 - len(found), _LOOK_AT)
                some, last = result_of(None, await self._asker.operate("scan", partition, *arguments))
                found += map(listed_of, some)
                lower = last and _behind(last)
            lower = b"-"
        shown = tuple(found[:limit])
        return Page(shown, cursors.cursor_of(shown[-1].address) if len(found) > limit else "")

    async def look_up(self, address: Address) -> Listed | None:
        """See ``Store.look_up``."""
        if not is_text(address.id) or not is_text(address.schema):
            return None
        partition = self._asker.partition_of(address)
        found = await self._asker.operate("look_up", partition, name_of(address), parent_name_of(address))
        return None if result_of(None, found) is None else listed_of(found[2])

    async def count(self) -> int:
        """See ``Store.count``."""
        return await self._asker.count()

    async def copy_out(self, address: Address) -> SessionCopy | None:
        """See ``Store.copy_out``."""
        if not is_text(address.id) or not is_text(address.schema):
            return None
        partition = self._asker.partition_of(address)
        answer = await self._asker.operate("copy_out", partition, name_of(address), parent_name_of(address))
        found = result_of(None, answer)
        return None if found is None else copy_of(address, found)

    async def copy_in(self, copy: SessionCopy) -> None:
        """See ``Store.copy_in``."""
        require_text(copy.address.id, *copy.values)
        max_at = or_none(copy.max_at)
        arguments: list[Argument] = [*map(repr, map(float, (copy.created, copy.expires, copy.idle, max_at)))]
        for key, value in copy.values.items():
            arguments += (_field(key), value, _ttl(copy.untils.get(key)))
        begin = Lifetime(copy.idle)  # what the script overrides
        access = Access(copy.address, copy.owner, begin, copy.version, copy.digest, copy.since)
        await self._asker.use("copy_in", access, *arguments)

    async def migrate(
        self,
        copy: SessionCopy,
        version: SchemaVersion,
        changes: Mapping[str, bytes | None],
        untils: Mapping[str, float],
    ) -> bool:
        """See ``Store.migrate``."""
        address, given = copy.address, dict(changes)
        require_text(*given)
        if not is_text(address.id) or not is_text(address.schema):
            return False
        arguments: list[Argument] = [repr(float(copy.created)), copy.version, len(copy.values)]
        for key, value in copy.values.items():
            arguments += (key.encode("utf-8", "surrogatepass"), value, _ttl(copy.untils.get(key)))
        for key, change in given.items():
            arguments += (_field(key), _maybe(change), _ttl(untils.get(key)))
        access = Access(address, copy.owner, None, version.number, version.digest, version.since)
        return await self._asker.use("migrate", access, *arguments) is not None

    async def inspect(self) -> Checkup:
        """See ``InspectableStore.inspect``; of a cluster, all primary nodes are looked at."""
        nodes = [facts_of(answer) for answer in await self._asker.tell("INFO")]
        return checkup(nodes, seconds_of((await self._asker.tell("TIME"))[0]))

    async def aclose(self) -> None:
        """See ``Store.aclose``; a client that was given stays open."""
        await self._asker.close()


def _field(key: str) -> bytes:
    return b"v" + key.encode()


def _maybe(value: bytes | None) -> bytes:
    return b"-" if value is None else b"=" + value


def _ttl(ttl: float | None) -> str:
    return "" if ttl is None else repr(float(ttl))


def _behind(name: bytes) -> bytes:
    """Return the bound of what comes after a name in an index."""
    return b"(" + name + b","  # an owner begins with the sign before that


def _is_yes(text: str) -> bool:
    if text.lower() in ("true", "yes", "1", "false", "no", "0"):
        return text.lower() in ("true", "yes", "1")
    raise StoreUrlError("cluster must be true or false")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 9 else 0
