"""What a server carries: its processor time for an operation, alone and among many; how a cluster shares out."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, Final

from bench import Bench
from mcp_sessions.stores.redis.names import partitions_of
from report import Section, number

TASKS: Final = 64
SESSIONS: Final = 600
PARTITIONS: Final = 64
"""How many there are in a cluster unless one says otherwise."""
HEAD: Final = "| store | tasks | operation | client's processor, us | server's processor, us | a processor carries |"


def carried(bench: Bench) -> Iterator[Section]:
    """Tell what an operation costs the processors of client and server, and how many a second one processor is for."""
    section = Section("What one server carries", [HEAD, "| --- | --- | --- | --- | --- | --- |"])
    stores = {"Valkey": bench.servers.valkey.url, "PostgreSQL": bench.servers.postgres.url}
    for store, url in stores.items():
        is_valkey = store == "Valkey"
        for tasks in (1, TASKS):
            with bench.contest({store: bench.ours(url, tasks)}, valkey=is_valkey, postgres=not is_valkey) as contest:
                for operation in ("get", "set", "increment"):
                    found = contest(operation, tasks=tasks)
                    if store in found.absent:
                        section.lines.append(
                            f"| {store} | {tasks} | {operation} | not measured: {found.absent[store]} | | |"
                        )
                        continue
                    client, server = (found.of(store, what).median for what in ("cpu", "server_cpu"))
                    cells = (store, str(tasks), operation, number(client * 1e6), number(server * 1e6))
                    section.lines.append(f"| {' | '.join(cells)} | {1 / max(server, 1e-9):,.0f} a second |")
    yield section


def shared(bench: Bench) -> Iterator[Section]:
    """Tell how many operations each of three nodes of a cluster has performed, of sessions that were just made."""
    nodes = bench.servers.cluster
    section = Section("What a cluster shares out")
    entry = bench.ours(f"{nodes[0].url}?cluster=true", SESSIONS)
    with ExitStack() as stack:
        clients = [stack.enter_context(node.client()) for node in nodes]
        contest = stack.enter_context(bench.contest({"cluster": entry}))
        before = [_performed(client) for client in clients]
        found = contest("get", tasks=SESSIONS)
        done = [_performed(client) - former for client, former in zip(clients, before, strict=True)]
        parts = partitions_of("mcp-sessions", PARTITIONS)
        slots = {clients[0].execute_command("CLUSTER", "KEYSLOT", part.base) for part in parts}
    if found.absent:
        section.lines += [f"not measured: {why}" for why in found.absent.values()]
        yield section
        return
    section.lines += ["| node | operations | share |", "| --- | --- | --- |"]
    section.lines += [
        f"| {place} | {count:,} | {count / max(1, sum(done)):.0%} |" for place, count in enumerate(done, start=1)
    ]
    section.lines += [
        "",
        f"{SESSIONS} sessions in {PARTITIONS} partitions, of {len(slots)} slots; read by as many tasks.",
    ]
    yield section


def _performed(client: Any) -> int:
    """Return how many scripts a node has run for clients."""
    found = client.info("commandstats")
    return int(found.get("cmdstat_evalsha", {"calls": 0})["calls"])
