"""A step."""

from out.schema import CounterV1State, CounterV2State


def counter_v2(old: CounterV1State) -> CounterV2State:
    """Make a text of it."""
    return CounterV2State(count=str(old.count))
