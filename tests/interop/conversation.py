"""What every client says to the example server, and what it must hear: written once, played by all of them.

A player is a program that reads ``{"url", "era", "steps"}`` as JSON and prints the list of what it heard, one for each
step: ``{"text", "error"}``, or for a step without a tool the names of the tools. It opens a client for each name in
the steps, ends all of them at the end, and gives ``$handle`` in the arguments of a step the handle that an earlier step
was answered with, as the value ``counter`` of its structured content.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Era = Literal["legacy", "modern"]

HANDLE = {"counter": "$handle"}
UNKNOWN = {"counter": "counter_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}


@dataclass(frozen=True)
class Step:
    """One request: ``client`` calls ``tool``, or lists the tools, and hears all of ``hears``."""

    client: str
    tool: str | None
    hears: tuple[str, ...]
    arguments: dict[str, Any] = field(default_factory=dict)
    error: bool = False
    eras: tuple[Era, ...] = ("legacy", "modern")
    remembers: bool = False
    """Whether the answer depends on what the same client did before, without a handle."""

    def is_right(self, heard: Any) -> bool:
        """Tell whether that is the answer."""
        if self.tool is None:
            return set(self.hears) <= set(heard)
        return heard["error"] is self.error and all(text in heard["text"] for text in self.hears)

    def as_json(self) -> dict[str, Any]:
        """What a player needs to know; not what is right."""
        return {"client": self.client, "tool": self.tool, "arguments": self.arguments}


LEGACY: tuple[Era, ...] = ("legacy",)
MODERN: tuple[Era, ...] = ("modern",)

CONVERSATION = (
    Step("one", None, ("increment", "create_counter", "end_counter", "add_note")),
    Step("one", "increment", ("Counter: 41",), {"by": 41}, eras=LEGACY),
    Step("one", "increment", ("Counter: 42",), eras=LEGACY, remembers=True),
    Step("two", "increment", ("Counter: 1",), eras=LEGACY),
    Step("one", "increment", ("create_counter",), error=True, eras=MODERN),
    Step("one", "create_counter", ("counter_",)),
    Step("one", "increment", ("Counter: 7",), {**HANDLE, "by": 7}),
    Step("two", "increment", ("Counter: 8",), HANDLE),
    Step("one", "increment", ("Counter: 43",), eras=LEGACY, remembers=True),
    Step("two", "increment", ("Counter: 2",), eras=LEGACY, remembers=True),
    Step("one", "increment", ("create_counter",), UNKNOWN, error=True),
    Step("one", "end_counter", ("true",), HANDLE),
    Step("two", "increment", ("has been ended", "create_counter"), HANDLE, error=True),
)


def steps(era: Era, *, remembers: bool = True) -> list[Step]:
    """Return the conversation of an era; of a client that ends after each step, what does not need its memory."""
    return [step for step in CONVERSATION if era in step.eras and (remembers or not step.remembers)]
