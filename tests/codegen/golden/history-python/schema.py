"""The functions are in a class keyword, and above the function itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_sessions import SessionModel, migration

if TYPE_CHECKING:
    from out.schema import CounterV2State, CounterV3State, OtherV1State, OtherV2State


class Counter(SessionModel, version=3, migrations={2: "steps:counter_v2"}):
    count: int = 0


class Other(SessionModel, version=2):
    name: str


@migration(Counter, to=3)
def counter_v3(old: CounterV2State) -> CounterV3State:
    """Make a number of it."""
    from out.schema import CounterV3State

    return CounterV3State(count=int(old.count))


@migration(Other, to=2)
def other_v2(old: OtherV1State) -> OtherV2State:
    """Join the names."""
    from out.schema import OtherV2State

    return OtherV2State(name=" ".join(old.names))
