"""The rules of the category `policy`: promises about lifetimes, versions, names and defaults."""

import re
from collections.abc import Hashable, Iterator
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.problems import Types
from mcp_sessiongen.breaking.subject import Pair, finding
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.export.durations import duration_text

_DEEP: Final = 32
_WHOLE: Final = re.compile(r"-?[0-9]{1,300}")


def lifetimes(pair: Pair) -> Iterator[Diagnostic]:
    """Find sessions and values that are kept for a shorter time."""
    told = (("idle", pair.old.idle, pair.new.idle), ("max", pair.old.max, pair.new.max))
    for word, was, now in told:
        if was != now and (was is None or now is None or now < was):
            message = f"the {word} lifetime of {pair.what} was {_kept(was)} and is {_kept(now)}"
            hint = "keep it, or tell those who rely on it, and ignore this rule once"
            yield finding(pair.place(), "breaking-lifetime-shortened", message, hint)
    for old, new in pair.kept:
        if new.ttl is not None and (old.ttl is None or new.ttl < old.ttl):
            before = "none" if old.ttl is None else duration_text(old.ttl)
            message = f"the ttl of key {new.name!r} was {before} and is {duration_text(new.ttl)}"
            yield finding(pair.place(new.name), "breaking-ttl-shortened", message, "keep it as long as it was")


def names(pair: Pair) -> Iterator[Diagnostic]:
    """Find names of former keys that are used again, or that may be."""
    before = {**dict.fromkeys(pair.old.reserved, "reserved"), **_old_names(pair.old)}
    kept = {*pair.new.reserved, *_old_names(pair.new)}
    for name, what in before.items():
        if name in pair.new_keys:
            message = f"key {name!r} has a name that was {what}"
            hint = "choose another: what is stored under that name would be taken for its value"
            yield finding(pair.place(name), "breaking-name-reused", message, hint)
        elif name not in kept:
            message = f"the name {name!r}, which was {what}, is free for any key now"
            hint = f"keep it in the list:  {pair.wording.reserved([name])}"
            yield finding(pair.place(), "breaking-reservation-lifted", message, hint)


def versions(pair: Pair, *, has_data: bool) -> Iterator[Diagnostic]:
    """Find versions that do not count what has happened.

    Args:
        pair: The session.
        has_data: Whether stored data of it does not fit.
    """
    dropped = (pair.old_keys.keys() - pair.new_keys.keys()) & set(pair.new.reserved)
    waiting = ", ".join(map(repr, sorted({*pair.renamed, *dropped})))
    hint = f"write  {pair.wording.option('version', pair.old.version + (has_data or bool(waiting)))}"
    if pair.new.version < pair.old.version:
        message = f"the version of {pair.what} was {pair.old.version} and is {pair.new.version}"
        yield finding(pair.place(), "breaking-version-lowered", message, hint)
    elif (has_data or waiting) and not pair.is_raised:
        why = f"the values of {waiting} stay where they are" if waiting else "stored data does not fit"
        message = f"the version of {pair.what} is {pair.old.version} still, and {why}"
        yield finding(pair.place(), "breaking-version-not-raised", message, hint)


def secrets(pair: Pair) -> Iterator[Diagnostic]:
    """Find values that were for the tools alone, and that people may see now."""
    for old in pair.old.keys:
        key = pair.renamed.get(old.name) or pair.new_keys.get(old.name)
        if old.secret and key and not key.secret:
            message = f"key {key.name!r} is not secret any more: whoever looks at sessions sees what is stored in it"
            hint = f"keep it:  {pair.wording.key('secret', True)}"
            yield finding(pair.place(key.name), "breaking-secret-shown", message, hint)


def defaults(pair: Pair) -> Iterator[Diagnostic]:
    """Find keys that read otherwise while they are unset."""
    for old, new in pair.kept:
        if _resolved(old.default, pair.was.types) != _resolved(new.default, pair.now.types):
            message = f"key {new.name!r} has another default: where it is unset, it reads otherwise"
            if old.default is None or new.default is None:
                message = (
                    f"key {new.name!r} had {_some(old)} and has {_some(new)}: where it is unset, it reads otherwise"
                )
            hint = "keep the default, and set the new one where sessions begin"
            yield finding(pair.place(new.name), "breaking-default-changed", message, hint)


def _old_names(session: ir.Session) -> dict[str, str]:
    return {key.renamed_from: "the old name of another key" for key in session.keys if key.renamed_from}


def _some(key: ir.Field) -> str:
    return "no default" if key.default is None else "a default"


def _kept(time: float | None) -> str:
    return "what the server has set" if time is None else duration_text(time)


def _resolved(value: ir.Value | None, types: Types, depth: int = 0) -> Hashable:
    """Return a default in full: with the defaults of the fields of its models, and with the values of enums."""
    if depth > _DEEP:
        return "deep"
    match value:
        case ir.Atom(value=bool()):
            return value
        case ir.Atom(value=int() | float() as number):  # 0 and 0.0 are the same number, whatever the key's type
            return "number", number
        case ir.Built(type="Decimal", text=text) if _WHOLE.fullmatch(text):
            return "number", int(text)
        case ir.Items(kind=kind, items=items):
            return kind, tuple(_resolved(item, types, depth + 1) for item in items)
        case ir.Entries(entries=entries):
            return "dict", frozenset(
                (_resolved(key, types, depth + 1), _resolved(item, types, depth + 1)) for key, item in entries
            )
        case ir.Member(type=ir.Named(name=name), name=member) if name in types.enums:
            values = {item.name: item.value for item in types.enums[name].members}
            return _resolved(ir.Atom(values.get(member)), types, depth)
        case ir.Instance(name=name, fields=fields, module="") if name in types.models:
            model = types.models[name]
            given = {**{field.name: field.default for field in model.fields}, **dict(fields)}
            return "model", frozenset((part, _resolved(item, types, depth + 1)) for part, item in given.items())
        case _:
            return value
