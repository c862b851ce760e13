"""What may be wrong with reading a stored value, and the value types that it is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

from mcp_sessiongen import ir

Kind: TypeAlias = Literal["type", "constraint", "value", "lost", "required", "default"]


@dataclass(frozen=True)
class Problem:
    """Why a stored value may not read as it was.

    Attributes:
        kind: "type", "constraint" or "value": it does not fit. "lost": a field is dropped. "required": a field is
            missing. "default": a field had a default, and may be missing in what is older still.
        written: What was written: a type, constraint or value in words, or the name of a field.
        read: What would read it.
        writer: The value type that it is about and its field, as the writer calls them; "" for none.
        reader: The same for the reader.
    """

    kind: Kind
    written: str = ""
    read: str = ""
    writer: tuple[str, str] = ("", "")
    reader: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Types:
    """The value types of a module, by name."""

    module: ir.Module

    @cached_property
    def models(self) -> Mapping[str, ir.Model]:
        """The models."""
        return {model.name: model for model in self.module.models}

    @cached_property
    def enums(self) -> Mapping[str, ir.Enumeration]:
        """The enumerations."""
        return {enum.name: enum for enum in self.module.enums}

    def all_of(self, kind: ir.Type) -> tuple[str | int | bool, ...] | None:
        """Return all values of a type, as JSON has them, if it lists them."""
        match kind:
            case ir.Choice(values=values):
                return values
            case ir.Scalar(name="bool"):
                return (False, True)
            case ir.Named(name=name) if name in self.enums:
                return tuple(member.value for member in self.enums[name].members)
            case _:
                return None
