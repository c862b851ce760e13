"""What is secret of the values of sessions, and how it is shown all the same: always as the same mask.

A schema says so of a key. Where it does not, and inside of values, names tell: this errs on the side of hiding, since
whoever may see can ask for it.
"""

import re
from typing import Any, Final

MASK: Final = "********"
"""What stands for a secret, however long it is."""

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_SECRET: Final = re.compile(
    "(password|passphrase|passcode|secret|credential|apikey)s?|passwd|pwd|authorization|bearer|jwt|t?otp|cvv|cvc"
)
"""Words that make a name secret wherever they stand in it."""

_OF_TOKENS: Final = frozenset(["access", "api", "auth", "bearer", "csrf", "id", "oauth", "refresh", "session"])
"""Of what kind tokens are if they are secrets: those that are counted are none."""

_OF_KEYS: Final = frozenset(["access", "api", "auth", "encryption", "license", "private", "secret", "signing", "ssh"])

_ENDS: Final = ("password", "passwd", "passphrase", "secret", "token", "apikey", "credentials")
"""Ends of words that are written as one, such as accesstoken."""


def is_secret_name(name: str) -> bool:
    """Tell whether what has that name is most likely a secret: ``api_key``, ``accessToken``, but not ``max_tokens``."""
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    pairs = list(zip(["", *words], words, strict=False))
    return (
        any(map(_SECRET.fullmatch, words))
        or words[-1].endswith(_ENDS)
        or any(word == "tokens" and before in _OF_TOKENS for before, word in pairs)
        or any(word in ("key", "keys") and before in _OF_KEYS for before, word in pairs)
    )


def hidden(value: Any) -> tuple[Any, bool]:
    """Return a JSON value with its secrets masked, and whether there are any: what objects in it have by such names."""
    if isinstance(value, dict):
        made = {name: _hidden_field(name, item) for name, item in value.items()}
        return {name: item for name, (item, _) in made.items()}, any(is_hidden for _, is_hidden in made.values())
    if isinstance(value, list):
        items = [hidden(item) for item in value]
        return [item for item, _ in items], any(is_hidden for _, is_hidden in items)
    return value, False


def _hidden_field(name: str, value: Any) -> tuple[Any, bool]:
    is_telling = value is not None and not isinstance(value, bool)
    return (MASK, True) if is_telling and is_secret_name(name) else hidden(value)


def restored(value: Any, former: Any) -> Any:
    """Return a JSON value with the secrets of a former one wherever only their mask was given back.

    They are found by the names on the way to them, so not inside of lists, whose items may have moved.

    Raises:
        ValueError: If there is no secret for a mask.
    """
    if isinstance(value, dict):
        held = former if isinstance(former, dict) else {}
        return {name: _restored_field(name, item, held) for name, item in value.items()}
    if isinstance(value, list):
        return [restored(item, None) for item in value]
    return value


def _restored_field(name: str, value: Any, held: dict[str, Any]) -> Any:
    if value == MASK and is_secret_name(name):
        if name not in held:
            raise ValueError(name)
        return held[name]
    return restored(value, held.get(name))
