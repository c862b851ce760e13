"""Many writers of one session: what is kept, how often they try again, how long it takes, and whether all advance."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from bench import Bench
from children import AbsentError, Entry
from contest import Stat, rotated
from report import Section, number, shown
from teams import Outcome, Team, teams

OURS, RAW = "accessor", "redis-py, HINCRBY or HSET"
SESSION, STATE = "FastMCP Session", "FastMCP get_state, set_state"
TASKS, EACH = 16, 50
MANY = 64
UPDATE, INCREMENT, SERVER = "update_x", "increment_x", "a server-side increment"


def increments(bench: Bench) -> Iterator[Section]:
    """16 tasks add to one key, in one process and in four; 16 tasks write a key each."""
    url = bench.servers.valkey.url
    entries = {
        RAW: bench.raw("redis_plain", url),
        OURS: bench.ours(url, counted=True),
        SESSION: bench.peer("fastmcp_session", url),
        STATE: bench.peer("fastmcp_state", url),
    }
    for processes in (1, 4):
        where = f"{processes} process{'es' if processes > 1 else ''}"
        with teams(entries, processes) as (there, absent):
            found = _rounds(bench, there, absent, lambda team: team.increment("increment", TASKS, EACH))
            section = Section(f"Valkey: {TASKS} tasks x {EACH} increments of one key, {where}")
            section.lines += _table(found, absent, RAW, TASKS * EACH)
            _all_kept(section, f"Valkey, {where}: {TASKS} x {EACH} increments of one key", found[OURS], TASKS * EACH)
            if processes == 1:
                retries = sum(one.retries for one in found[OURS])
                section.is_so("Valkey, 1 process: the same, retries", "0", str(retries), reached=not retries)
            section.at_most(f"Valkey, {where}: the same, time against HINCRBY", _ratio(found, OURS, RAW), 1.5)
            yield section
            found = _rounds(bench, there, absent, lambda team: team.write_own(TASKS, EACH))
            section = Section(f"Valkey: {TASKS} writers of {TASKS} keys of one session, {where}")
            section.lines += _table(found, absent, RAW, TASKS)
            _all_kept(section, f"Valkey, {where}: {TASKS} writers of {TASKS} keys", found[OURS], TASKS)
            yield section


def updates(bench: Bench) -> Iterator[Section]:
    """64 tasks call ``update_x`` on one key, in every store."""
    servers = bench.servers
    each = max(2, bench.scaled(20))
    contests: dict[str, tuple[Entry, Entry | None]] = {
        "memory": (bench.ours("memory", counted=True), None),
        "SQLite": (bench.ours(f"sqlite:///{servers.path()}", counted=True), None),
        "Valkey": (bench.ours(servers.valkey.url, counted=True), bench.raw("redis_plain", servers.valkey.url)),
        "PostgreSQL": (
            bench.ours(servers.postgres.url, counted=True),
            bench.peer("psycopg_statement", servers.postgres.url, pool=8),
        ),
    }
    for store, (ours, raw) in contests.items():
        what = f"{store}: {MANY} tasks x {each} `update_x` of one key"
        section = Section(what)
        entries = {UPDATE: ours, INCREMENT: ours} | ({} if raw is None else {SERVER: raw})
        with teams(entries, 1) as (there, absent):
            plays = {name: partial(_add, operation="increment", each=each) for name in entries}
            plays[UPDATE] = partial(_add, operation="update", each=each)
            found = _rounds(bench, there, absent, plays)
        base = SERVER if SERVER in found else INCREMENT
        section.lines += _table(found, absent, base, MANY * each)
        if raw is not None:
            _all_kept(section, what, found[UPDATE], MANY * each)
            section.at_most(f"{store}: the same, time against {base}", _ratio(found, UPDATE, base), 3)
            slowest = min(one.slowest for one in found[UPDATE])
            measured = f"{store}: the same, how far the slowest task is when the first is through"
            section.is_so(measured, "no task starves", f"{slowest:.0%} at least", reached=slowest >= 0.5)
        yield section


def _add(team: Team, operation: str, each: int) -> Outcome:
    return team.increment(operation, MANY, each)


Play = Callable[[Team], Outcome]


def _rounds(
    bench: Bench, there: Mapping[str, Team], absent: dict[str, str], play: Play | Mapping[str, Play]
) -> dict[str, list[Outcome]]:
    """Have teams play in turn, after a round that does not count; one that fails joins the absent."""
    found: dict[str, list[Outcome]] = {name: [] for name in there}
    for turn in range(bench.rounds + 1):
        for name in rotated(list(found), turn):
            try:
                outcome = (play[name] if isinstance(play, Mapping) else play)(there[name])
            except AbsentError as error:
                absent[name] = str(error)
                del found[name]
                continue
            if turn:
                found[name].append(outcome)
    return found


def _ratio(found: Mapping[str, list[Outcome]], name: str, base: str) -> Stat:
    return Stat.of([one.seconds / other.seconds for one, other in zip(found[name], found[base], strict=True)])


def _all_kept(section: Section, measured: str, outcomes: list[Outcome], expected: int) -> None:
    kept = min(one.kept for one in outcomes)
    section.is_so(f"{measured}, kept in every round", f"{expected}", f"{kept}", reached=kept == expected)


def _table(found: Mapping[str, list[Outcome]], absent: Mapping[str, str], base: str, expected: int) -> list[str]:
    lines = [
        f"| | kept of {expected}: median, least | retries a round | ms | ratio | slowest task |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, outcomes in found.items():
        kept = Stat.of([one.kept for one in outcomes])
        cells = [
            f"{kept.median:.0f}, {min(one.kept for one in outcomes)}",
            number(Stat.of([one.retries for one in outcomes]).median),
            shown(Stat.of([one.seconds for one in outcomes]).scaled(1e3)),
            shown(_ratio(found, name, base)),
            f"{Stat.of([one.slowest for one in outcomes]).median:.0%}",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [f"| {name} | not measured: {why} | | | | |" for name, why in absent.items()]
    return lines
