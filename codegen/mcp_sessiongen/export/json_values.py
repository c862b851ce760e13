"""Values of the IR as JSON data: as they are stored, and as YAML schemas write defaults."""

from collections.abc import Iterable, Mapping
from typing import Any

from mcp_sessiongen import ir
from mcp_sessiongen.export.inexpressible import Inexpressible


class JsonValues:
    """Writes values as JSON data; knows what the members of enumerations stand for."""

    def __init__(self, enums: Iterable[ir.Enumeration], classes: Mapping[ir.Named | ir.Imported, Any]) -> None:
        self.members = {(enum.name, member.name): member.value for enum in enums for member in enum.members}
        imported = [(kind, live) for kind, live in classes.items() if isinstance(kind, ir.Imported)]
        self.classes = {(kind.module, kind.qualname): live for kind, live in imported}

    def data(self, value: ir.Value) -> object:
        """Return a value as JSON data; a float may be infinite or no number.

        Raises:
            Inexpressible: If it is a member of a class that is not known.
        """
        match value:
            case ir.Atom(value=plain):
                return plain
            case ir.Built(type="float", text=text):
                return float(text)
            case ir.Built(type="timedelta", text=text):
                return duration(text)
            case ir.Built(text=text):
                return text
            case ir.Items(items=items):
                return [self.data(item) for item in items]
            case ir.Entries(entries=entries):
                return {_key(self.data(key)): self.data(item) for key, item in entries}
            case ir.Instance(fields=fields):
                return {name: self.data(item) for name, item in fields}
            case ir.Member(type=kind, name=name):
                return self.members[kind.name, name] if isinstance(kind, ir.Named) else self.imported(kind, name)
            case ir.OfModel():
                raise Inexpressible("the default is the model's own", "write the default in the schema")

    def imported(self, kind: ir.Imported, name: str) -> object:
        """Return the value of a member of the user's own enum."""
        live = self.classes.get((kind.module, kind.qualname))
        if live is None:
            message = f"the value of {kind.module}.{kind.qualname}.{name} is not known"
            raise Inexpressible(message, "export the schema where that class can be imported")
        value: object = live[name].value
        return value


def duration(text: str) -> str:
    """Return the IR's text of a timedelta as ISO 8601 writes it."""
    days, seconds, micros = map(int, text.split())
    total = (days * 86_400 + seconds) * 1_000_000 + micros
    minus, total = ("-", -total) if total < 0 else ("", total)
    seconds, micros = divmod(total, 1_000_000)
    days, seconds = divmod(seconds, 86_400)
    fraction = f".{micros:06d}".rstrip("0") if micros else ""
    rest = f"T{seconds}{fraction}S" if seconds or micros or not days else ""
    return f"{minus}P{f'{days}D' if days else ''}{rest}"


def _key(data: object) -> str:
    return data if isinstance(data, str) else str(data)
