"""What a rule looks at: a session, key or type, what it means, and where it is written."""

from collections.abc import Iterator
from dataclasses import dataclass

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import Declarations, FieldDeclaration
from mcp_sessiongen.diagnostics import Diagnostic, Span
from mcp_sessiongen.wording import Wording


@dataclass(frozen=True)
class Item:
    """A key of a session, or a field of a type.

    Attributes:
        field: What it means.
        span: Where its name is written.
        session: The session that it is a key of; None for a field of a type.
    """

    field: ir.Field
    span: Span
    session: ir.Session | None = None

    @property
    def what(self) -> str:
        """What messages call it."""
        return f"{'key' if self.session else 'field'} {self.field.name!r}"


@dataclass(frozen=True)
class Subject:
    """One schema: what it means, and how it is written."""

    module: ir.Module
    declared: Declarations

    @property
    def wording(self) -> Wording:
        """How options are written in it."""
        return Wording(self.declared.source)

    def sessions(self) -> Iterator[tuple[ir.Session, Span]]:
        """Return the sessions and where their names are written."""
        spans = {session.name.value: session.name.span for session in self.declared.sessions}
        for session in self.module.sessions:
            yield session, spans.get(session.name, self.declared.source.span())

    def types(self) -> Iterator[tuple[str, Span]]:
        """Return the names of the types, and where they are written."""
        names = [model.name for model in self.declared.models] + [enum.name for enum in self.declared.enums]
        for name in names:
            yield name.value, name.span

    def session_keys(self) -> Iterator[Item]:
        """Return the keys of all sessions."""
        declared = {session.name.value: session.keys for session in self.declared.sessions}
        for session, span in self.sessions():
            spans = _spans(declared.get(session.name, ()))
            for key in session.keys:
                yield Item(key, spans.get(key.name, span), session)

    def type_fields(self) -> Iterator[Item]:
        """Return the fields of all types."""
        for model in self.module.models:
            yield from self.fields_of(model)

    def fields_of(self, model: ir.Model) -> Iterator[Item]:
        """Return the fields of a type."""
        declared = next((one for one in self.declared.models if one.name.value == model.name), None)
        spans = _spans(declared.fields) if declared else {}
        for field in model.fields:
            yield Item(field, spans.get(field.name, self.declared.source.span()))


def warning(span: Span, code: str, message: str, hint: str) -> Diagnostic:
    """Return a finding of the linter."""
    return Diagnostic(span, code, message, hint, severity="warning")


def _spans(fields: tuple[FieldDeclaration, ...]) -> dict[str, Span]:
    return {field.name.value: field.name.span for field in fields}
