"""What becomes of a failure of the store inside of a server's call: advice for the model, and the reason for the log.

The text of a ``StoreError`` may name hosts, ports and files. They help an operator and nobody else, so an accessor that
is used in a call raises another one, whose cause is the first. Outside of a call the error is left as it is.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

from mcp_sessions.context import current_call
from mcp_sessions.errors import StoreError

_log: Final = logging.getLogger("mcp_sessions")

_AGAIN: Final = (
    "If it fails again, tell the user that the session store of this server does not work; its operator finds the "
    "reason in the server's log."
)
_UNDONE: Final = f"The session store failed, and nothing was changed. Try again in a moment. {_AGAIN}"
_IN_DOUBT: Final = (
    f"The session store failed, and it is not known whether this was done: look at the session before you do it again. "
    f"{_AGAIN}"
)


def retell(error: StoreError) -> NoReturn:
    """Raise an error of the store as whoever uses the session may have it."""
    if error.is_about_input or error.is_retold or current_call() is None:
        raise error
    _log.error("the session store failed during a call: %s", error)
    told = StoreError(_IN_DOUBT if error.in_doubt else _UNDONE, in_doubt=error.in_doubt)
    told.is_retold = True
    raise told from error


@contextmanager
def retelling() -> Iterator[None]:
    """Raise what the store raises in the block as whoever uses the session may have it."""
    try:
        yield
    except StoreError as error:
        retell(error)
