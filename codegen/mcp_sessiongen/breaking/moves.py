"""What a migration does with the values that released code has stored: which key has them in the end."""

from collections.abc import Iterator, Mapping

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.subject import Pair, Schema


def after_functions(pair: Pair) -> Pair | None:
    """Return what is left to compare: functions take care of all stored data in the version that they lead to.

    None if nothing is, or if what they lead to is not known.
    """
    steps = [call.to for call in pair.new.migrations if pair.old.version < call.to <= pair.new.version]
    if not steps:
        return pair
    made = pair.known.get(max(steps))
    return Pair(Schema("", "", made.module), pair.now, made.session, pair.new) if made else None


def names_after(pair: Pair) -> Mapping[str, str]:
    """Return which name the values of each old key have in the end; without the keys whose values are dropped."""
    names = {name: name for name in pair.old_keys}
    if pair.is_migrated:
        for step in pair.past.steps:
            if step.to > pair.old.version:
                moves, gone = dict(step.renamed), set(step.dropped)
                names = {old: moves.get(name, name) for old, name in names.items() if name not in gone}
    return names


def readers(pair: Pair, names: Mapping[str, str]) -> Iterator[tuple[ir.Field, ir.Field]]:
    """Return the old keys whose values a key has in the end, with that."""
    for old, name in names.items():
        if name in pair.new_keys:
            yield pair.old_keys[old], pair.new_keys[name]
