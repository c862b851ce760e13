"""What an operation costs by how much else the session holds, and what moving its expiry costs, in every store."""

from collections.abc import Iterator

from bench import Bench
from report import Section, comparison

SMALL, LARGE = "1 KiB of other keys", "1 MiB of other keys"
STANDS, SLIDES = "the expiry stands", "the expiry moves"


def _urls(bench: Bench) -> Iterator[tuple[str, str]]:
    yield "memory", "memory"
    yield "SQLite", f"sqlite:///{bench.servers.path()}"
    yield "Valkey", bench.servers.valkey.url
    yield "PostgreSQL", bench.servers.postgres.url
    yield "py-key-value, in memory", "key-value"


def flat(bench: Bench) -> Iterator[Section]:
    """Compare a session with 1 MiB of other keys with one of 1 KiB."""
    section = Section("Sessions that hold much else")
    for store, url in _urls(bench):
        entries = {SMALL: bench.ours(url, other=1 << 10), LARGE: bench.ours(url, other=1 << 20)}
        with bench.contest(entries, valkey=store == "Valkey") as contest:
            for operation in ("get", "set"):
                found = contest(operation)
                section.lines += [f"### {store}, {operation}", "", *comparison(found, SMALL, entries), ""]
                if operation == "set":
                    measured = f"{store}: `set_x` with 1 MiB of other keys against 1 KiB, time"
                    section.no_slower(measured, found, LARGE, SMALL, 1.2)
    yield section


def slide(bench: Bench) -> Iterator[Section]:
    """Compare calls each of which moves the expiry with calls that find it recent enough, as most do."""
    section = Section("What the slide of the idle lifetime costs")
    section.lines += ["A clock of the benchmark's own moves on by a minute at each call, or stands still.", ""]
    for store, url in _urls(bench):
        entries = {STANDS: bench.ours(url, clock="stands"), SLIDES: bench.ours(url, clock="slides")}
        with bench.contest(entries, valkey=store == "Valkey") as contest:
            for operation in ("get", "set"):
                found = contest(operation)
                section.lines += [f"### {store}, {operation}", "", *comparison(found, STANDS, entries), ""]
    yield section
