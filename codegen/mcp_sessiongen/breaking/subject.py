"""What the rules look at: a session as it was and as it is, and where that is written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.codes import CATEGORY_OF
from mcp_sessiongen.breaking.problems import Problem, Types
from mcp_sessiongen.breaking.reading import Reading
from mcp_sessiongen.declarations import Declarations, FieldDeclaration
from mcp_sessiongen.diagnostics import Diagnostic, Source, Span
from mcp_sessiongen.history import Past, Version, past_of
from mcp_sessiongen.wording import Wording


@dataclass(frozen=True)
class Schema:
    """One source: what it means, and how it is written if it is there.

    Attributes:
        source: The file, relative to the project's folder, or the module.
        stem: The name of the generated module.
        module: What it means.
        declared: How that is written; None for what was released.
        shown: How findings call the source.
        known: The older versions of its sessions that are known, by name and number.
    """

    source: str
    stem: str
    module: ir.Module
    declared: Declarations | None = None
    shown: str = ""
    known: Mapping[str, Mapping[int, Version]] = field(default_factory=dict)

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

    @property
    def wording(self) -> Wording:
        """How options are written in it."""
        return Wording(self.top.source)

    @cached_property
    def types(self) -> Types:
        """The value types."""
        return Types(self.module)


@dataclass(frozen=True)
class Pair:
    """A session as it was and as it is.

    Attributes:
        was: The schema that it was in.
        now: The schema that it is in.
        old: The session as it was.
        new: The session as it is.
        command: What begins a migration from the one to the other; "" if it takes more than one.
    """

    was: Schema
    now: Schema
    old: ir.Session
    new: ir.Session
    command: str = ""

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
    def is_raised(self) -> bool:
        """Whether the version is a later one."""
        return self.old.version < self.new.version

    @cached_property
    def past(self) -> Past:
        """What came before the session as it is, as far as that is known."""
        return past_of(self.now.module, self.new, self.known)

    @property
    def known(self) -> Mapping[int, Version]:
        """The older versions of the session that are known."""
        return self.now.known.get(self.new.name, {})

    @property
    def is_migrated(self) -> bool:
        """Whether new servers migrate the sessions of released ones."""
        return self.old.version < self.past.reads

    @property
    def is_refused(self) -> bool:
        """Whether released servers refuse the sessions of new ones."""
        return self.old.version < self.past.since

    @property
    def wording(self) -> Wording:
        """How options are written where the session is."""
        return self.now.wording

    @property
    def next_version(self) -> str:
        """What to write so that the version is the one after the released."""
        return self.wording.option("version", self.old.version + 1)

    @property
    def what(self) -> str:
        """What messages call the session."""
        return f"session {self.new.name!r}"

    def place(self, key: str = "") -> Span:
        """Return where a key is written, or the session."""
        return self.now.place(self.new.name, key)

    def backward(self, key: ir.Field) -> tuple[Problem, ...]:
        """Return what is wrong with reading in new code what released code has written."""
        return self.reading(self.old_keys[key.name], key)

    def reading(self, old: ir.Field, new: ir.Field) -> tuple[Problem, ...]:
        """Return what is wrong with reading with one key what released code has written with another."""
        return Reading(self.was.types, self.now.types).problems(old, new)

    def forward(self, key: ir.Field) -> tuple[Problem, ...]:
        """Return what is wrong with reading in released code what new code writes."""
        return Reading(self.now.types, self.was.types).problems(key, self.old_keys[key.name])


def finding(span: Span, code: str, message: str, hint: str) -> Diagnostic:
    """Return a finding; its message begins with the category."""
    return Diagnostic(span, code, f"{CATEGORY_OF[code]}: {message}", hint)


def _of_fields(owner: str, fields: tuple[FieldDeclaration, ...]) -> Iterator[tuple[tuple[str, str], Span]]:
    for item in fields:
        yield (owner, item.name.value), item.name.span
