"""The pages about the store as a whole: its numbers, and the checks of its sessions."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from mcp_sessiongen.studio.charts import BAR_STEP, COLUMN_HEIGHT, COLUMN_TOP, bars, columns
from mcp_sessiongen.studio.rendering import page
from mcp_sessiongen.studio.rows import expiry, time_of
from mcp_sessiongen.studio.state import Counted, Studio, studio_of
from mcp_sessiongen.studio.words import duration, size
from mcp_sessions.admin import Finding, Stats, diagnose, statistics
from mcp_sessions.admin import page as page_of

MOST_BARS: Final = 12
"""How many schemas the chart has; the table has all."""

_LEVELS: Final = {"error": "Error", "warning": "Warning", "ok": "Fine"}


async def overview(request: Request) -> Response:
    """Answer with the numbers of the store, or with how far the counting is."""
    studio = studio_of(request)

    async def work(progress: Callable[[int], None]) -> Counted:
        some, _ = await page_of(studio.store, limit=1)
        at = time_of(some[0]) if some else time.time()
        return Counted(await statistics(studio.store, progress=progress), at)

    counted = await studio.counting.look(work)
    if counted is None:
        return page(request, "counting.html", title="Overview", what="counted", done=studio.counting.done_for)
    return page(request, "overview.html", **numbers(studio, counted))


async def checks(request: Request) -> Response:
    """Answer with what is found out about the store and its sessions."""
    studio = studio_of(request)

    async def work(progress: Callable[[int], None]) -> list[Finding]:
        return [finding async for finding in diagnose(studio.store, studio.catalog, progress=progress)]

    found = await studio.checking.look(work)
    if found is None:
        return page(request, "counting.html", title="Checks", what="checked", done=studio.checking.done_for)
    order = list(_LEVELS)
    findings = [
        {
            "level": one.level,
            "level_text": _LEVELS[one.level],
            "check": one.check,
            "message": one.message,
            "advice": one.advice,
            "sessions": one.sessions,
            "more": max(0, one.count - len(one.sessions)) if one.sessions else 0,
        }
        for one in sorted(found, key=lambda one: order.index(one.level))
    ]
    worst = findings[0]["level"] if findings else "ok"
    return page(request, "checks.html", findings=findings, worst=worst, has_schemas=len(studio.catalog) > 0)


def numbers(studio: Studio, counted: Counted) -> dict[str, Any]:
    """Return what the overview says: numbers, and the charts that show them."""
    stats, now = counted.stats, counted.at
    schemas = [
        {
            "name": name,
            "colour": studio.colour(name),
            "sessions": f"{of.sessions:,}",
            "share": f"{of.sessions / stats.sessions:.0%}",
            "bytes": size(of.bytes),
            "largest": size(of.largest),
            "owners": f"{of.owners:,}",
            "oldest": "" if of.oldest is None else duration(now - of.oldest),
            "soonest": None if of.soonest is None else expiry(of.soonest, of.soonest - now),
            "versions": _versions(of.versions),
        }
        for name, of in stats.by_schema.items()
    ]
    histogram = columns([(f"≤ {size(bound)}", stats.sizes.get(bound, 0)) for bound in _bounds(stats)])
    return {
        "now": now,
        "total": f"{stats.sessions:,}",
        "children": f"{stats.children:,}",
        "bytes": size(stats.bytes),
        "owners": f"{'' if stats.are_owners_exact else 'about '}{stats.owners:,}",
        "ownerless": f"{stats.ownerless:,}",
        "schemas": schemas,
        "bars": bars(
            [(name, of.sessions, studio.colour(name)) for name, of in list(stats.by_schema.items())[:MOST_BARS]]
        ),
        "rest": max(0, len(schemas) - MOST_BARS),
        "columns": histogram,
        "step": BAR_STEP,
        "base": COLUMN_TOP + COLUMN_HEIGHT,
        "is_empty": not stats.sessions,
    }


def _versions(counts: Mapping[int, int]) -> str:
    if len(counts) == 1:
        return str(*counts)
    return ", ".join(f"{version} ({count:,})" for version, count in sorted(counts.items()))


def _bounds(stats: Stats) -> list[int]:
    """Return the bounds of sizes, from the least to the greatest that there is, without gaps."""
    if not stats.sizes:
        return []
    bounds = [min(stats.sizes)]
    while bounds[-1] < max(stats.sizes):
        bounds.append(bounds[-1] * 4)
    return bounds
