"""Fields of a Python schema's classes as declarations, and what such a class may not have to be compiled."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import CONSTRAINTS, Default, FieldDeclaration, Located
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.load.completion import complete
from mcp_sessiongen.load.live import is_secret_key, key_has_name, key_options, plain
from mcp_sessiongen.load.machinery import PLAIN_HINT, is_empty_factory, unrepeated_arguments
from mcp_sessiongen.load.metadata import constraints_in
from mcp_sessiongen.load.positions import Positions
from mcp_sessiongen.load.pydantic_types import TypeProblem, TypeReader
from mcp_sessiongen.load.storable import require_storable_field

_UNKNOWN: Final = "unknown-type"


@dataclass
class FieldReader:
    """Reads the fields of classes.

    Attributes:
        types: Reads their annotations.
        positions: Finds their parts.
        report: Takes the findings.
    """

    types: TypeReader
    positions: Positions
    report: Report

    def compiled(self, kind: type[BaseModel]) -> Iterator[FieldDeclaration]:
        """Yield the fields of a class that is compiled."""
        complete(kind)
        for name, info in kind.model_fields.items():
            self._refuse_arguments(kind, name, info)
            yield FieldDeclaration(
                name=Located(name, self.positions.of_member(kind, name)),
                type=self._type(kind, name, info),
                default=self._default(kind, name, info),
                constraints=tuple(self._constraints(kind, name, info)),
                doc=self._doc(kind, name, info),
                options=self._options(kind, name, info),
            )

    def bound(self, kind: type[BaseModel]) -> Iterator[FieldDeclaration]:
        """Yield the fields of a model that stays the user's: its constraints and defaults are asked of the model."""
        complete(kind)
        for name, info in kind.model_fields.items():
            located = self._type(kind, name, info)
            if located:
                try:
                    require_storable_field(kind, name, info)
                except TypeProblem as problem:
                    self.report.error(located.span, problem.code, problem.message, problem.hint)
            self._refuse_printed_secret(kind, name, info)
            yield FieldDeclaration(
                name=Located(name, self.positions.of_member(kind, name)),
                type=located,
                default=self._default_of_model(kind, name, info),
                doc=self._doc(kind, name, info),
                options=self._options(kind, name, info),
            )

    def _refuse_printed_secret(self, kind: type[BaseModel], name: str, info: FieldInfo) -> None:
        """Refuse a secret that shows whenever an object of the user's own class is printed, as a snapshot may be."""
        if is_secret_key(info) and info.repr:
            message = f"{kind.__name__}.{name} is secret, and printing a {kind.__name__} shows it"
            span = self.positions.of_annotation(kind, name)
            self.report.error(span, "unsupported", message, "add Field(repr=False) to it")

    def _default_of_model(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Default | None:
        span = self.positions.of_default(kind, name)
        if info.default_factory_takes_validated_data:
            message = f"the default_factory of {kind.__name__}.{name} takes the other fields, and a key is read alone"
            self.report.error(span, "unsupported", message, "write a default_factory without a parameter")
        return None if info.is_required() else Default(None, "model", span)

    def _type(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Located[ir.Type] | None:
        span = self.positions.of_annotation(kind, name)
        has_tags = info.discriminator is not None or "Discriminator" in constraints_in(info.metadata)[1]
        try:
            return Located(self.types.read(info.annotation, is_discriminated=has_tags), span)
        except TypeProblem as problem:
            hint = problem.hint
            if problem.code == _UNKNOWN and self.positions.is_for_checkers(kind, problem.message):
                hint = "it is imported for type checkers only; import it outside of  if TYPE_CHECKING"
            message = problem.message
            if self.types.is_bound and problem.code != _UNKNOWN:
                message = f"{kind.__name__}.{name}: {message}"
            self.report.error(span, problem.code, message, hint)
            return None

    def _doc(self, kind: type[BaseModel], name: str, info: FieldInfo) -> str:
        said = info.description
        return inspect.cleandoc(said if isinstance(said, str) else "") or self.positions.doc_of(kind, name)

    def _options(self, kind: type[BaseModel], name: str, info: FieldInfo) -> dict[str, Located[object]]:
        found: dict[str, Located[object]] = {}
        if info.deprecated:
            text = info.deprecated if isinstance(info.deprecated, str) else getattr(info.deprecated, "message", "")
            span = self.positions.of_argument(kind, name, "Field", "deprecated")
            found["deprecated"] = Located(plain(text) or f"{name} is deprecated.", span)
        if key_has_name(info):
            message = f"a key is called as its field, and the Key(...) of {name} has a name"
            hint = 'remove the name; what the key was called before is  Key(renamed_from="...")'
            self.report.error(self.positions.of_annotation(kind, name), "unsupported", message, hint)
        for option, value in key_options(info).items():
            span = self.positions.of_argument(kind, name, "Key", option)
            found[option] = Located(plain(duration_text(value)), span)
        return found

    # --- compiled fields -------------------------------------------------------------------------------------------

    def _refuse_arguments(self, kind: type[BaseModel], name: str, info: FieldInfo) -> None:
        refused = unrepeated_arguments(info)
        if refused:
            is_alias = "alias" in refused[0]
            hint = "remove it; values are stored and read by the name of the key" if is_alias else PLAIN_HINT
            span = self.positions.of_member(kind, name)
            self.report.error(span, "unsupported", f"{refused[0]} of {name} cannot be compiled", hint)

    def _default(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Default | None:
        span = self.positions.of_default(kind, name)
        factory: Any = info.default_factory
        if factory is not None:
            if is_empty_factory(factory):
                return Default(factory(), "python", span)
            message = f"the default_factory of {name} would have to run in the generated module"
            hint = "write the default itself, or leave it out and handle None"
            self.report.error(span, "unsupported", message, hint)
            return None
        return None if info.default is PydanticUndefined else Default(info.default, "python", span)

    def _constraints(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Iterator[tuple[str, Located[object]]]:
        span = self.positions.of_annotation(kind, name)
        found, others = constraints_in(info.metadata)
        if others:
            message = f"{', '.join(dict.fromkeys(others))} of {name} cannot be compiled"
            self.report.error(span, "unsupported", message, f"supported are {', '.join(CONSTRAINTS)}")
        if isinstance(info.discriminator, str):
            found["discriminator"] = info.discriminator
        for option, value in found.items():
            yield option, Located(value, span)


def duration_text(value: object) -> object:
    """Return a timedelta as the text that means the same."""
    return f"{value.total_seconds():f}s" if isinstance(value, timedelta) else value
