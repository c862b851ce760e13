"""How a Redis or Valkey server is doing, for sessions: from what ``INFO`` says, which needs no special permission."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from mcp_sessions.stores.checkup import Checkup, Remark

Facts: TypeAlias = Mapping[str, str]
"""What ``INFO`` says, by name."""

_FULL: Final = 0.8
_OLDEST: Final = (6, 2)


def facts_of(answer: object) -> dict[str, str]:
    """Return what an answer to ``INFO`` says; a client may have taken it apart already."""
    if isinstance(answer, Mapping):
        return {str(name): str(value) for name, value in answer.items()}
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else str(answer)
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value.strip() for name, colon, value in pairs if colon}


def seconds_of(answer: Sequence[Any]) -> float:
    """Return what an answer to ``TIME`` says."""
    whole, millionths = answer
    return float(whole) + float(millionths) / 1_000_000


def checkup(nodes: Sequence[Facts], clock: float) -> Checkup:
    """Return how a server or the nodes of a cluster are doing; of several, what is worst."""
    versions = {_name_of(facts): None for facts in nodes}
    server = " and ".join(versions) + (f", {len(nodes)} nodes of a cluster" if _is_cluster(nodes[0]) else "")
    found: dict[str, Remark] = {}
    for facts in nodes:
        for remark in _remarks(facts):
            known = found.get(remark.check)
            if known is None or _WORSE.index(remark.level) > _WORSE.index(known.level):
                found[remark.check] = remark
    return Checkup(server, clock, tuple(found.values()))


_WORSE: Final = ("ok", "warning", "error")


def _name_of(facts: Facts) -> str:
    if "valkey_version" in facts:
        return f"Valkey {facts['valkey_version']}"
    return f"Redis {facts.get('redis_version', 'of an unknown version')}"


def _is_cluster(facts: Facts) -> bool:
    return facts.get("cluster_enabled") == "1"


def _remarks(facts: Facts) -> Iterator[Remark]:
    parts = facts.get("redis_version", "").split(".")[:2]
    if all(part.isdecimal() for part in parts) and tuple(map(int, parts)) < _OLDEST:
        yield Remark("version", "error", "it is older than Redis 6.2", "upgrade it")
    if facts.get("role") in ("slave", "replica"):
        yield Remark("role", "error", "it is a replica, which cannot be written to", "name the primary server")
    yield _of_eviction(facts)
    yield from _of_memory(facts)
    yield _of_persistence(facts)


def _of_eviction(facts: Facts) -> Remark:
    policy, most = facts.get("maxmemory_policy", ""), _number(facts, "maxmemory")
    evicted = _number(facts, "evicted_keys")
    if policy.startswith("allkeys"):
        advice = "set maxmemory-policy to noeviction: it may evict the indexes, which have no expiry"
        return Remark("eviction", "error", f"maxmemory-policy is {policy}: any key may vanish", advice)
    if evicted:
        advice = "give the server more memory, or the sessions shorter lifetimes"
        return Remark("eviction", "warning", f"{evicted} keys were evicted, and sessions may be among them", advice)
    if policy.startswith("volatile") and most:
        advice = "set maxmemory-policy to noeviction, so that a full server says so instead of losing sessions"
        message = f"maxmemory-policy is {policy}: a server that is full drops sessions before their time"
        return Remark("eviction", "warning", message, advice)
    return Remark("eviction", "ok", f"nothing is evicted (maxmemory-policy {policy or 'unknown'})")


def _of_memory(facts: Facts) -> Iterator[Remark]:
    used, most = _number(facts, "used_memory"), _number(facts, "maxmemory")
    if most:
        message = f"{used / most:.0%} of maxmemory is in use"
        if used < _FULL * most:
            yield Remark("memory", "ok", message)
        else:
            yield Remark("memory", "warning", message, "raise maxmemory, or find out what is so large")


def _of_persistence(facts: Facts) -> Remark:
    if facts.get("rdb_last_bgsave_status", "ok") != "ok" or facts.get("aof_last_write_status", "ok") != "ok":
        advice = "see the server's log: most likely its disk is full"
        return Remark("persistence", "error", "the server could not write to its disk the last time", advice)
    if facts.get("aof_enabled") == "1":
        return Remark("persistence", "ok", "writes go to the append-only file")
    started = _number(facts, "server_time_usec") // 1_000_000 - _number(facts, "uptime_in_seconds")
    if _number(facts, "rdb_last_save_time") > started + 1:  # before the first snapshot, it has the start
        message, advice = "there are snapshots only: a crash loses what came after the last one", "set appendonly yes"
        return Remark("persistence", "warning", message, f"{advice}, unless that does not matter")
    message = "nothing was written to disk since the server started: a restart loses all sessions"
    return Remark("persistence", "warning", message, "set appendonly yes, unless that does not matter")


def _number(facts: Facts, name: str) -> int:
    text = facts.get(name, "0")
    return int(text) if text.isdecimal() else 0
