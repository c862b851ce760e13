"""Which texts can be kept: those that UTF-8 can encode."""

from mcp_sessions.errors import StoreError


def require_text(*texts: str) -> None:
    """Make sure that these can be kept.

    Raises:
        StoreError: If one of them holds half of a surrogate pair.
    """
    for text in texts:
        if not is_text(text):
            why = "it is not Unicode text (it holds half of a surrogate pair)"
            raise StoreError(f"{text!r} cannot be kept: {why}", is_about_input=True)


def is_text(text: str) -> bool:
    """Tell whether UTF-8 can encode a text."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
