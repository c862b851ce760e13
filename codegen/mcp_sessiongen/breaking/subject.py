"""What the rules look at: a session as it was and as it is, and where that is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.codes import CATEGORY_OF
from mcp_sessiongen.breaking.problems import Problem, Types
from mcp_sessiongen.breaking.reading import Reading
from mcp_sessiongen.declarations import Declarations, FieldDeclaration
from mcp_sessiongen.diagnostics import Diagnostic, Source, Span


@dataclass(frozen=True)
class Schema:
    """One source: what it means, and how it is written if it is there.

    Attributes:
        source: The file, relative to the project's folder, or the module.
        stem: The name of the generated module.
        module: What it means.
        declared: How that is written; None for what was released.
        shown: How findings call the source.
    """

    source: str
    stem: str
    module: ir.Module
    declared: Declarations | None = None
    shown: str = ""

    @property
    def top(self) -> Span:
        """The place of what has no better one."""
        return self.declared.source.span() if self.declared else Source(self.shown or self.source).nowhere()

    @cached_property
    def _spans(self) -> Mapping[tuple[str, str], Span]:
        found: dict[tuple[str, str], Span] = {}
        if self.declared:
            for enum in self.declared.enums:
                found[enum.name.value, ""] = enum.name.span
            for model in self.declared.models:
                found[model.name.value, ""] = model.name.span
                found.update(_of_fields(model.name.value, model.fields))
            for session in self.declared.sessions:
                found[session.name.value, ""] = session.name.span
                found.update(_of_fields(session.name.value, session.keys))
        return found

    def place(self, owner: str, name: str = "") -> Span:
        """Return where a key of a session or a field of a type is written, else where its owner is."""
        return self._spans.get((owner, name)) or self._spans.get((owner, "")) or self.top

    @cached_property
    def types(self) -> Types:
        """The value types."""
        return Types(self.module)


@dataclass(frozen=True)
class Pair:
    """A session as it was and as it is."""

    was: Schema
    now: Schema
    old: ir.Session
    new: ir.Session

    @cached_property
    def old_keys(self) -> Mapping[str, ir.Field]:
        """The keys that there were."""
        return {key.name: key for key in self.old.keys}

    @cached_property
    def new_keys(self) -> Mapping[str, ir.Field]:
        """The keys that there are."""
        return {key.name: key for key in self.new.keys}

    @property
    def kept(self) -> Iterator[tuple[ir.Field, ir.Field]]:
        """The keys that were there and are, in the order of the new schema."""
        for key in self.new.keys:
            if key.name in self.old_keys:
                yield self.old_keys[key.name], key

    @cached_property
    def renamed(self) -> Mapping[str, ir.Field]:
        """The new keys that say which of the old ones they were."""
        gone = self.old_keys.keys() - self.new_keys.keys()
        return {key.renamed_from: key for key in self.new.keys if key.renamed_from in gone}

    @property
    def what(self) -> str:
        """What messages call the session."""
        return f"session {self.new.name!r}"

    def place(self, key: str = "") -> Span:
        """Return where a key is written, or the session."""
        return self.now.place(self.new.name, key)

    def backward(self, key: ir.Field) -> tuple[Problem, ...]:
        """Return what is wrong with reading in new code what released code has written."""
        return Reading(self.was.types, self.now.types).problems(self.old_keys[key.name], key)

    def forward(self, key: ir.Field) -> tuple[Problem, ...]:
        """Return what is wrong with reading in released code what new code writes."""
        return Reading(self.now.types, self.was.types).problems(key, self.old_keys[key.name])


def finding(span: Span, code: str, message: str, hint: str) -> Diagnostic:
    """Return a finding; its message begins with the category."""
    return Diagnostic(span, code, f"{CATEGORY_OF[code]}: {message}", hint)


def _of_fields(owner: str, fields: tuple[FieldDeclaration, ...]) -> Iterator[tuple[tuple[str, str], Span]]:
    for field in fields:
        yield (owner, field.name.value), field.name.span
