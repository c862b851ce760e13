"""What older versions of a schema have to do with it: which of them get along with it, and the steps to it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mcp_sessiongen import ir


@dataclass(frozen=True)
class Version:
    """One older version of a session.

    Attributes:
        module: The session as it was, and its value types.
    """

    module: ir.Module

    @property
    def session(self) -> ir.Session:
        """The session."""
        return self.module.sessions[0]

    @property
    def number(self) -> int:
        """Its version."""
        return self.session.version


@dataclass(frozen=True)
class Step:
    """What happens to stored data on the way from the version before to `to`.

    Attributes:
        renamed: The old and the new name of keys.
        dropped: The names of keys whose values go.
        call: The user's function, which does all of it.
    """

    to: int
    renamed: tuple[tuple[str, str], ...] = ()
    dropped: tuple[str, ...] = ()
    call: ir.Migration | None = None


@dataclass(frozen=True)
class Past:
    """What came before the present version of a session.

    Attributes:
        since: The oldest version whose servers can use sessions of the present one.
        reads: The oldest version whose sessions can be used as they are.
        steps: Those that change anything.
        versions: The older versions that functions take or return, by number.
    """

    since: int
    reads: int
    steps: tuple[Step, ...] = ()
    versions: tuple[Version, ...] = ()


def past_of(module: ir.Module, session: ir.Session, known: Mapping[int, Version]) -> Past:
    """Return the past of a session.

    Args:
        module: The schema.
        session: A session of it.
        known: The older versions that are known, by number.
    """
    steps = tuple(step for step in _steps(session, known) if step.renamed or step.dropped or step.call)
    needed = {number for step in steps if step.call for number in (step.to - 1, step.to)}
    versions = tuple(known[number] for number in sorted(needed & known.keys()))
    return Past(*_compatible(module, session, known), steps, versions)


def lacking(session: ir.Session, known: Mapping[int, Version]) -> list[int]:
    """Return the numbers of older versions that functions take or return, and that are not known."""
    needed = {number for call in session.migrations for number in (call.to - 1, call.to)}
    return sorted(needed - known.keys() - {session.version})


def _steps(session: ir.Session, known: Mapping[int, Version]) -> Sequence[Step]:
    calls = {call.to: call for call in session.migrations}
    sessions = {number: version.session for number, version in known.items()} | {session.version: session}
    found = []
    for number in sorted({*sessions, *calls} - {1}):
        of, before = sessions.get(number), sessions.get(number - 1)
        told = set(_renamed(before)) if before else set[tuple[str, str]]()
        renamed = tuple(move for move in _renamed(of) if move not in told) if of else ()
        gone = set(before.reserved) if before else set[str]()
        dropped = {name for name in of.reserved if name not in gone} if of else set()
        if of and before:
            dropped |= returning(before, of, known)
        found.append(Step(number, renamed, tuple(sorted(dropped)), calls.get(number)))
    return found


def returning(before: ir.Session, session: ir.Session, known: Mapping[int, Version]) -> set[str]:
    """Return the names of new keys that a key had in an even older version: what that left is not theirs.

    Args:
        before: An older version.
        session: A newer one.
        known: The older versions that are known.
    """
    new = {key.name for key in session.keys} - {key.name for key in before.keys}
    older = [version.session for number, version in known.items() if number < before.version]
    return new & {
        *before.reserved,
        *(name for one in older for name in (*one.reserved, *(key.name for key in one.keys))),
    }


def _renamed(session: ir.Session) -> list[tuple[str, str]]:
    """Return the old and the new name of each key that has one."""
    return [(key.renamed_from, key.name) for key in session.keys if key.renamed_from]


def _compatible(module: ir.Module, session: ir.Session, known: Mapping[int, Version]) -> tuple[int, int]:
    """Return the oldest versions whose servers can use sessions of the present one, and whose sessions it can use.

    A function is called for each session before it. Of one that is compatible, servers of the version before can use
    what it returns, and no older ones.
    """
    calls = {call.to: call for call in session.migrations}
    number = session.version
    while number not in calls and _gets_along(number - 1, known, module, session):
        number -= 1
    if number in calls and calls[number].compatible and _gets_along(number - 1, known, module, session):
        return number - 1, number
    return number, number


def _gets_along(number: int, known: Mapping[int, Version], module: ir.Module, session: ir.Session) -> bool:
    if number not in known or returning(known[number].session, session, known):
        return False
    old = known[number]
    # Imported here: only schemas that have a past need it.
    from mcp_sessiongen.breaking.get_along import get_along

    return get_along(old.module, old.session, module, session)
