"""The geometry of charts: where each bar and column stands, in percent of the width and in pixels of the height.

Percentages keep texts at one size however wide the page is; a template writes the SVG.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

COLUMN_HEIGHT: Final = 132
COLUMN_TOP: Final = 22
"""Room for the number above the highest column."""

BAR_STEP: Final = 44


@dataclass(frozen=True, slots=True)
class Bar:
    """One part of a chart.

    Attributes:
        label: What it stands for.
        value: The number that it shows.
        colour: The class of its colour.
        x: Where it begins, in percent.
        y: Where it begins, in pixels from the top.
        width: In percent.
        height: In pixels.
        middle: The middle of its width, in percent.
    """

    label: str
    value: int
    colour: str
    x: float
    y: float
    width: float
    height: float
    middle: float


def bars(parts: Sequence[tuple[str, int, str]]) -> list[Bar]:
    """Return horizontal bars below each other; each part is a label, a number and a colour."""
    most = max((value for _, value, _ in parts), default=0)
    return [
        Bar(label, value, colour, 0, row * BAR_STEP, _share(value, most), 10, 0)
        for row, (label, value, colour) in enumerate(parts)
    ]


def columns(parts: Sequence[tuple[str, int]]) -> list[Bar]:
    """Return columns side by side; each part is a label and a number."""
    most = max((value for _, value in parts), default=0)
    step = 100 / max(len(parts), 1)
    made = []
    for place, (label, value) in enumerate(parts):
        height = _share(value, most) * COLUMN_HEIGHT / 100
        left = place * step + step * 0.12
        made.append(
            Bar(
                label,
                value,
                "",
                round(left, 2),
                round(COLUMN_TOP + COLUMN_HEIGHT - height, 1),
                round(step * 0.76, 2),
                round(height, 1),
                round(place * step + step / 2, 2),
            )
        )
    return made


def _share(value: int, most: int) -> float:
    """Return how much of the greatest a number is, in percent; what is not nothing can be seen."""
    return max(100 * value / most, 1.0) if value else 0.0
