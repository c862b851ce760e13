"""The line to a cluster: each call goes to the node that has its keys, neighbours together."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

from redis.asyncio import RedisCluster
from redis.exceptions import ClusterDownError, NoScriptError, RedisClusterException, RedisError
from redis.exceptions import ConnectionError as LostConnectionError
from redis.exceptions import TimeoutError as LateError

from mcp_sessions.stores.redis.line import Argument, Asked, Call, Line, LostError, failure
from mcp_sessions.stores.redis.scripts import scripts

_UNSETTLING: Final = (LostConnectionError, LateError, ClusterDownError)
"""After these, it is asked anew which node has what."""


class ClusterLine(Line):
    """A line to a cluster; see ``Line``.

    Args:
        cluster: The client.
        owned: Whether it is to be closed with the line.
    """

    def __init__(self, cluster: RedisCluster, place: str, closed: Callable[[], None], *, owned: bool) -> None:
        super().__init__(place, closed)
        self._cluster = cluster
        self._owned = owned
        self._knows_scripts = False

    async def _serve(self, asked: list[Asked], more: Callable[[], list[Asked]] | None = None) -> None:
        try:
            while asked:
                for (_, answer), result in zip(asked, await self._exchange([call for call, _ in asked]), strict=True):
                    self._give(answer, result)
                asked = [] if more is None else more()
        except asyncio.CancelledError:
            for _, answer in asked:
                answer.cancel()
            raise
        except Exception as error:  # nobody may wait for ever
            for _, answer in asked:
                self._give(answer, error)

    async def _exchange(self, calls: Sequence[Call]) -> list[Any]:
        """Send calls together; return the answer to each, or the error that came instead."""
        try:
            await self._cluster.initialize()  # once, before many calls at once would all do so
            if not self._knows_scripts:
                await asyncio.gather(*(self._cluster.script_load(script.text) for script in scripts().values()))
                self._knows_scripts = True
        except (RedisError, OSError) as error:
            return [error] * len(calls)
        results = await self._send(calls, in_full=False)
        unknown = [index for index, result in enumerate(results) if isinstance(result, NoScriptError)]
        if unknown:
            again = await self._send([calls[index] for index in unknown], in_full=True)
            for index, result in zip(unknown, again, strict=True):
                results[index] = result
        if any(isinstance(result, _UNSETTLING) for result in results):
            await self._cluster.aclose()
        return [LostError(str(result)) if isinstance(result, _UNSETTLING) else result for result in results]

    async def tell(self, *command: Argument) -> list[Any]:
        """Return what each primary node answers."""
        await self._begin()
        try:
            await self._cluster.initialize()
            nodes = self._cluster.get_primaries()
            return [await self._cluster.execute_command(*command, target_nodes=node) for node in nodes]
        except (RedisError, OSError) as error:
            raise failure(self._place, error) from error

    async def _disconnect(self) -> None:
        if self._owned:
            await self._cluster.aclose()

    async def _send(self, calls: Sequence[Call], *, in_full: bool) -> list[Any]:
        """Send calls to their nodes, each node's by itself: one that is down fails no other's."""
        parts: dict[str, list[int]] = {}
        for index, call in enumerate(calls):
            parts.setdefault(self._node_of(call), []).append(index)
        sending = (self._send_part([calls[index] for index in part], in_full=in_full) for part in parts.values())
        results: list[Any] = [None] * len(calls)
        for part, answers in zip(parts.values(), await asyncio.gather(*sending), strict=True):
            for index, answer in zip(part, answers, strict=True):
                results[index] = answer
        return results

    def _node_of(self, call: Call) -> str:
        """Return the name of the node that has the keys of a call; nothing if it is not known to be any."""
        key: Any = call.keys[0]
        with suppress(RedisClusterException):
            if (node := self._cluster.get_node_from_key(key)) is not None:
                return str(node.name)
        return ""

    async def _send_part(self, calls: Sequence[Call], *, in_full: bool) -> list[Any]:
        try:
            pipeline = self._cluster.pipeline()
            for call in calls:
                pipeline.execute_command(*call.command(in_full=in_full))
            return await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            return [error] * len(calls)
