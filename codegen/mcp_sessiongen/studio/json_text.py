"""JSON on a page: its parts marked by what they are, everything escaped."""

import re
from typing import Final

from markupsafe import Markup, escape

_PARTS: Final = re.compile(
    r"""(?P<name>"(?:[^"\\]|\\.)*+"(?=\s*:))"""
    r"""|(?P<text>"(?:[^"\\]|\\.)*+(?:"|\\?\Z))"""  # cut off, it ends with the rest: no quote in it begins another
    r"""|(?P<number>-?\b\d[\d.eE+-]*+)"""
    r"""|(?P<word>\b(?:true|false|null|NaN|Infinity)\b)""",
    re.DOTALL,
)


def marked(text: str) -> Markup:
    """Return JSON text with an element around each name, text, number and word; any other text is merely escaped."""
    parts: list[str] = []
    at = 0
    for found in _PARTS.finditer(text):
        parts.append(escape(text[at : found.start()]))
        parts.append(f'<span class="j-{found.lastgroup}">{escape(found.group())}</span>')
        at = found.end()
    return Markup("".join([*parts, escape(text[at:])]))
