"""Many writers of one session: what is kept, how often they try again, how long it takes, and whether all advance."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TypeAlias

from bench import Bench
from children import AbsentError, Entry
from contest import Stat, rotated
from report import Section, number, shown
from teams import Outcome, Team, teams

OURS, RAW = "accessor", "redis-py, HINCRBY or HSET"
SESSION, STATE = "FastMCP Session", "FastMCP get_state, set_state"
TASKS, EACH = 16, 50
MANY = 64
Play: TypeAlias = Callable[[Team], Outcome]
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
        contests: tuple[tuple[str, str, int, Play], ...] = (
            (f"{TASKS} tasks x {EACH} increments of one key", "HINCRBY", TASKS * EACH, _add_to_one),
            (f"{TASKS} writers of {TASKS} keys", "HSET", TASKS, _write_own),
        )
        with teams(entries, processes) as (there, missing):
            for what, raw, expected, play in contests:
                found, absent = _rounds(bench, there, missing, play)
                section = Section(f"Valkey: {what.replace(' keys', ' keys of one session')}, {where}")
                section.lines += _table(found, absent, RAW, expected)
                _all_kept(section, f"Valkey, {where}: {what.replace(' tasks', '')}", found, absent, OURS, expected)
                same = f"Valkey, {where}: {'the same' if raw == 'HINCRBY' else 'the writers of keys'}"
                if processes == 1:
                    _no_retries(section, f"{same}, retries", found, absent)
                section.at_most(f"{same}, time against {raw}", partial(_ratio, found, absent, OURS, RAW), 1.5)
                yield section


def _add_to_one(team: Team) -> Outcome:
    return team.increment("increment", TASKS, EACH)


def _write_own(team: Team) -> Outcome:
    return team.write_own(TASKS, EACH)


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
        with teams(entries, 1) as (there, missing):
            plays = {name: partial(_add, operation="increment", each=each) for name in entries}
            plays[UPDATE] = partial(_add, operation="update", each=each)
            found, absent = _rounds(bench, there, missing, plays)
        base = INCREMENT if raw is None else SERVER
        section.lines += _table(found, absent, base, MANY * each)
        _all_kept(section, what, found, absent, UPDATE, MANY * each)
        if raw is not None:  # the others have no server that could increment
            section.at_most(f"{store}: the same, time against {base}", partial(_ratio, found, absent, UPDATE, base), 3)
        if store != "memory":  # there, a task never gives way to another
            _none_starves(
                section, f"{store}: the same, how far the slowest task is when the first is through", found, absent
            )
        yield section


def _add(team: Team, operation: str, each: int) -> Outcome:
    return team.increment(operation, MANY, each)


def _rounds(
    bench: Bench, there: Mapping[str, Team], missing: Mapping[str, str], play: Play | Mapping[str, Play]
) -> tuple[dict[str, list[Outcome]], dict[str, str]]:
    """Have teams play in turn, after a round that does not count; one that fails is absent from this contest."""
    found: dict[str, list[Outcome]] = {name: [] for name in there}
    absent = dict(missing)
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
    return found, absent


def _ratio(found: Mapping[str, list[Outcome]], absent: Mapping[str, str], name: str, base: str) -> Stat:
    """Return how many times as long one takes as another, round by round.

    Raises:
        AbsentError: If one of them took no part.
    """
    for one in (name, base):
        if one in absent:
            raise AbsentError(absent[one] if one == name else f"{one}: {absent[one]}")
    return Stat.of([one.seconds / other.seconds for one, other in zip(found[name], found[base], strict=True)])


def _all_kept(
    section: Section,
    measured: str,
    found: Mapping[str, list[Outcome]],
    absent: Mapping[str, str],
    name: str,
    expected: int,
) -> None:
    measured, goal = f"{measured}, kept in every round", f"{expected}"
    if name in absent:
        section.absent(measured, goal, absent[name])
        return
    kept = min(one.kept for one in found[name])
    section.is_so(measured, goal, f"{kept}", reached=kept == expected)


def _no_retries(section: Section, measured: str, found: Mapping[str, list[Outcome]], absent: Mapping[str, str]) -> None:
    if OURS in absent:
        section.absent(measured, "0", absent[OURS])
        return
    retries = sum(one.retries for one in found[OURS])
    section.is_so(measured, "0", f"{retries}", reached=not retries)


def _none_starves(
    section: Section, measured: str, found: Mapping[str, list[Outcome]], absent: Mapping[str, str]
) -> None:
    if UPDATE in absent:
        section.absent(measured, "no task starves", absent[UPDATE])
        return
    slowest = min(one.slowest for one in found[UPDATE])
    section.is_so(measured, "no task starves", f"{slowest:.0%} at least", reached=slowest >= 0.5)


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
            "" if base in absent else shown(_ratio(found, absent, name, base)),
            f"{Stat.of([one.slowest for one in outcomes]).median:.0%}",
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lines += [f"| {name} | not measured: {why} | | | | |" for name, why in absent.items()]
    return lines
