"""Values of the IR as Python has them: what a user of a generated module would write."""

import base64
import datetime as dt
from decimal import Decimal
from types import ModuleType
from typing import Any, Final
from uuid import UUID

from tests.codegen.strategies import IMPORTED

from mcp_sessiongen import ir

_ARRAYS: Final[dict[str, type]] = {"list": list, "set": set, "frozenset": frozenset, "tuple": tuple}
_SCALARS: Final[dict[str, Any]] = {
    "bytes": base64.b64decode,
    "Decimal": Decimal,
    "UUID": UUID,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "timedelta": lambda text: dt.timedelta(*map(int, text.split())),
}


def live(value: ir.Value, module: ModuleType) -> Any:
    """Return a value; its models and enumerations are those of the generated module."""
    match value:
        case ir.Atom(value=plain):
            return plain
        case ir.Built(type=name, text=text):
            return _SCALARS[name](text)
        case ir.Items(kind=kind, items=items):
            return _ARRAYS[kind](live(item, module) for item in items)
        case ir.Entries(entries=entries):
            return {live(key, module): live(item, module) for key, item in entries}
        case ir.Instance(name=name, fields=fields):
            return getattr(module, name)(**{field: live(item, module) for field, item in fields})
        case ir.Member(type=ir.Imported() as kind, name=name):
            return IMPORTED[kind][name]
        case ir.Member(type=kind, name=name):
            return getattr(module, kind.name)[name]
        case ir.OfModel():
            raise NotImplementedError("modules that are made here have no models of the user's")
