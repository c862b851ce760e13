"""The texts of a new migration: the function, to be completed by hand, and its test. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from mcp_sessiongen import ir
from mcp_sessiongen.history import Version, past_of
from mcp_sessiongen.naming import class_names
from mcp_sessiongen.past_code import state_name
from mcp_sessiongen.past_types import with_pasts
from mcp_sessiongen.type_rules import describe


@dataclass(frozen=True)
class NewMigration:
    """A function that brings sessions from one version to the next.

    Attributes:
        module: The schema as it is.
        session: The session in it.
        before: The version that came before.
        generated: The import name of the generated module.
        call: The function.
    """

    module: ir.Module
    session: ir.Session
    before: Version
    generated: str
    call: ir.Migration

    @property
    def name(self) -> str:
        """What the function is called."""
        return self.call.qualname

    def function(self) -> str:
        """Return the function."""
        session, version = self.session.name, self.before.number
        lines = [
            f"def {self.name}(old: {self._old}) -> {self._new}:",
            f'    """Bring a ``{session}`` session of version {version} to version {version + 1}."""',
            *self._body(),
        ]
        return "\n".join(lines) + "\n"

    def file(self) -> str:
        """Return a new file with the function."""
        doc = '"""Migrations: from one version of a session\'s schema to the next."""'
        return f"{doc}\n\n{self._imports}\n\n\n{self.function()}"

    def addition(self) -> str:
        """Return what to add to a file that exists."""
        return f"\n\n{self._imports}  # noqa: E402 -- move it to the others\n\n\n{self.function()}"

    def test(self) -> str:
        """Return a file with a test of the function."""
        session, version = self.session.name, self.before.number
        accessor = class_names(session)[2]
        held = ", ".join(f'"{key.name}": ...' for key in self.before.session.keys)
        return f'''"""What becomes of ``{session}`` sessions of version {version}."""

from mcp_sessions.testing import migrated
from {self.generated} import {accessor}


def test_a_{session}_of_version_{version}_is_brought_to_version_{version + 1}() -> None:
    # What a session of version {version} held, as JSON has it: {{{held}}}
    before: dict[str, object] = {{}}
    after = migrated({accessor}, before, version={version})
    assert after.model_fields_set == set()
'''

    @property
    def _imports(self) -> str:
        return f"from {self.generated} import {', '.join(sorted((self._old, self._new)))}"

    @property
    def _old(self) -> str:
        return state_name(self.session.name, self.before.number)

    @property
    def _new(self) -> str:
        return state_name(self.session.name, self.before.number + 1)

    def _body(self) -> Iterator[str]:
        given, notes, taken = [], [], set()
        for key in self.session.keys:
            was = self._were.get(key.renamed_from) or self._were.get(key.name)
            taken.add(was.name if was else "")
            line, note = _of_key(key, was)
            given += [f"        {line}"] if line else []
            notes += [f"    # {note}"] if note else []
        notes += [f"    # {name} is gone" for name in self._were if name not in taken]
        yield from notes
        if notes:
            yield '    raise NotImplementedError("see to the keys above, then remove this line")'
        yield f"    return {self._new}(" if given else f"    return {self._new}()"
        if given:
            yield from given
            yield "    )"

    @cached_property
    def _were(self) -> dict[str, ir.Field]:
        """Return the keys that there were, with the types that the generated module has for them."""
        past = past_of(self.module, self.session, {self.before.number: self.before})
        _, sessions = with_pasts(self.module, {self.session.name: past})
        return {key.name: key for was in sessions for key in was.session.keys}


def _of_key(key: ir.Field, was: ir.Field | None) -> tuple[str, str]:
    """Return the argument for a key, and what is to be said of it; "" for nothing."""
    if was is None:
        return "", f"{key.name} is new"
    if not _fits(was.type, key.type):
        return "", f"{key.name}: {was.name} was {describe(was.type)}, and it is {describe(key.type)}"
    if was.default is None and key.default is not None:
        return "", f"{key.name}: {was.name} could be unset, which is None here, and {key.name} has a default"
    return f"{key.name}=old.{was.name},", ""


def _fits(old: ir.Type, new: ir.Type) -> bool:
    """Tell whether each value of a type is one of another, to type checkers; constraints aside."""
    olds, news = (set(kind.members) if isinstance(kind, ir.Union) else {kind} for kind in (old, new))
    return olds <= news
