"""Arguments in the form in which the server takes them.

The functions in the database have types that never change, so nothing has to be found out about a value first.
"""

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from psycopg.adapt import Transformer
from psycopg.pq import Format

from mcp_sessions.errors import StoreError

_SIGNATURES: Final = {
    "change": "tftbbb?ffibii bb iiii BBBF BB n?",
    "read": "ftbbb?ii B?",
    "end_session": "ftbbb??",
    "purge": "ffi?",
    "scan": "fbbitbb",
    "look_up": "ftbb",
    "count_sessions": "",
    "copy_out": "ftbb",
    "copy_in": "ftbbbb bibiffff i BBBF",
    "migrate": "ftbbbf iBBF ibi BBBF",
    "get": "ftbbb?ii b",
    "put": "ftbbb?iibbf?bi ii ffbiii",
}
"""The functions, and the types of what they take, a letter for each."""


def _floats(items: Iterable[float | None]) -> bytes:
    return _array(701, [None if item is None else _FLOAT(item) for item in items])


def _bytes(items: Iterable[bytes | None]) -> bytes:
    return _array(17, list(items))


def _array(kind: int, items: Sequence[bytes | None]) -> bytes:
    """Return an array: its head, and each item after its length."""
    if not items:
        return struct.pack("!iiI", 0, 0, kind)
    head = struct.pack("!iiIii", 1, None in items, kind, len(items), 1)
    if items.count(items[0]) == len(items):
        return head + _item(items[0]) * len(items)
    return head + b"".join([_item(item) for item in items])


def _item(item: bytes | None) -> bytes:
    return _NULL if item is None else _LENGTH(len(item)) + item


_FLOAT: Final = struct.Struct("!d").pack
_LENGTH: Final = struct.Struct("!i").pack
_NULL: Final = _LENGTH(-1)
_RECORD: Final = 2249

_TYPES: Final[dict[str, tuple[int, bool, Callable[[Any], bytes] | None]]] = {
    "t": (25, False, str.encode),
    "n": (1700, False, lambda number: str(number).encode()),
    "f": (701, True, _FLOAT),
    "i": (20, True, struct.Struct("!q").pack),
    "?": (16, True, struct.Struct("!?").pack),
    "b": (17, True, None),
    "B": (1001, True, _bytes),
    "F": (1022, True, _floats),
}
"""By letter: the number of a type, whether its values are sent in binary form, and how they are brought into it, unless
they are in it."""

_ARRAYS: Final = {25: 1009, 701: 1022, 20: 1016, 16: 1000, 17: 1001}
"""The number of the type of arrays of a type."""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes.

    Attributes:
        types: The numbers of the types.
        formats: For each, 1 if it is sent in binary form.
        encoders: What brings the values into that form.
    """

    types: list[int]
    formats: list[int]
    encoders: list[Callable[[Any], bytes] | None]

    def encoded(self, values: Iterable[Any]) -> list[bytes | None]:
        """Return values, all or the first ones, as the server takes them.

        Raises:
            StoreError: If one is a number that is too large.
        """
        try:
            return [
                value if value is None or encode is None else encode(value)
                for encode, value in zip(self.encoders, values, strict=False)
            ]
        except (struct.error, OverflowError) as error:
            raise StoreError(f"the session database cannot take that: {error}", is_about_input=True) from error

    def of_arrays(self) -> "Signature":
        """Return the signature of what takes an array for each of these."""
        return Signature([_ARRAYS[kind] for kind in self.types], [1] * len(self.types), [])

    def in_columns(self, rows: Iterable[Sequence[bytes | None]]) -> list[bytes | None]:
        """Return the arrays that are made of encoded values, row by row; of nothing but NULLs, NULL."""
        return [
            None if column.count(None) == len(column) else _array(kind, column)
            for kind, column in zip(self.types, zip(*rows, strict=True), strict=False)
        ]


def _signature(letters: str) -> Signature:
    kinds = [_TYPES[letter] for letter in letters.replace(" ", "")]
    return Signature(
        [number for number, _, _ in kinds],
        [int(is_binary) for _, is_binary, _ in kinds],
        [encode for _, _, encode in kinds],
    )


def unpacked(record: bytes) -> tuple[Any, ...]:
    """Return the values that are in a record in binary form."""
    values: tuple[Any, ...] = Transformer().get_loader(_RECORD, Format.BINARY).load(record)
    return values


SIGNATURES: Final = {name: _signature(letters) for name, letters in _SIGNATURES.items()}
