"""The options of sessions and of keys: which values they may have.

What an option means together with others, and with the rest of a schema, is judged in `analyze` and `clashes`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from mcp_sessiongen import ir, names
from mcp_sessiongen.annotation_text import is_reference
from mcp_sessiongen.declarations import KEY_OPTIONS, OPTIONS, Located, MigrationDeclaration
from mcp_sessiongen.diagnostics import Report
from mcp_sessiongen.python_text import is_name
from mcp_sessiongen.safe_text import safe_repr

_UNITS: Final = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
DURATION: Final = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,6})?[dhms])+")
_PART: Final = re.compile(r"([0-9.]+)([dhms])")
_DURATION_HINT: Final = "write a number and a unit: 30m, 24h, 7d or 1h30m"
_SCOPE_HINT: Final = (
    "write transport for one per connection, handle for those that an argument names, user for one per user"
)
_CREATE: Final = tuple(word for word in get_args(ir.Create) if word)

Written = Mapping[str, Located[object]]


def no_option_of_field(option: str) -> tuple[str, str]:
    """Return what is said of an option of keys that a field of a type was given, and a hint."""
    hint = "say it of the key that holds the type" if option == "secret" else "remove it"
    return f"only keys of a session have {option}, fields of a type do not", hint


@dataclass
class OptionReader:
    """Reads options, and reports those that are not as they should be; their place takes what holds without them."""

    report: Report

    def of_session(self, written: Written) -> dict[str, object]:
        """Return the options of a session."""
        readers = {
            "version": self.version,
            "idle": self.duration,
            "max": self.duration,
            "scope": self.scope,
            "handle": self.identifier,
            "create_tool": self.identifier,
            "end_tool": self.identifier,
            "list_tool": self.identifier,
            "reserved": self.reserved,
            "migrations": self.migrations,
        }
        found = self._read(written, readers, "a session", OPTIONS)
        idle, longest = found.get("idle"), found.get("max")
        if isinstance(idle, float) and isinstance(longest, float) and idle > longest:
            message = f"idle lifetime {written['idle'].value} is longer than the whole lifetime {written['max'].value}"
            self.report.error(written["idle"].span, "bad-value", message, "make max the longer one")
        self._judge_list_tool(written, found)
        self._judge_migrations(written, found)
        return found

    def _judge_list_tool(self, written: Written, found: Mapping[str, object]) -> None:
        """Report a tool that lists sessions which have no handles: there would be nothing in the list."""
        scope = found.get("scope")
        if found.get("list_tool") and scope in ("transport", "user"):
            one = "each user has one" if scope == "user" else "each connection has one"
            message = f"there are no handles to list of sessions of scope {scope}: {one}, and no handle names it"
            hint = "remove the list tool, or choose scope auto or handle"
            self.report.error(written["list_tool"].span, "bad-value", message, hint)

    def _judge_migrations(self, written: Written, found: Mapping[str, object]) -> None:
        """Report migrations to versions that there are not, and all but one of those to the same."""
        declared, version = written.get("migrations"), found.get("version", 1)
        seen: set[object] = set()
        for one in declared.value if declared and isinstance(declared.value, tuple) else ():
            to = one.to.value
            if isinstance(to, int) and isinstance(version, int) and to > version:
                message = f"there is no version {to} to migrate to: the session's version is {version}"
                self.report.error(one.to.span, "bad-value", message, f"write  version: {to}, or to: {version}")
            if to in seen:
                message = f"two migrations lead to version {to}"
                self.report.error(one.to.span, "bad-value", message, "call the second function in the first")
            seen.add(to)

    def of_key(self, written: Written) -> dict[str, object]:
        """Return the options of a key."""
        if not written:
            return {}
        readers = {
            "ttl": self.duration,
            "create": self.create,
            "renamed_from": self.old_name,
            "deprecated": self.reason,
            "secret": self.flag,
        }
        return self._read(written, readers, "a key", KEY_OPTIONS)

    def of_field(self, written: Written) -> None:
        """Report the options of a model's field: it has none."""
        for option, located in written.items():
            message, hint = no_option_of_field(option)
            self.report.error(located.span, "unknown-property", message, hint)

    def _read(
        self,
        written: Written,
        readers: Mapping[str, Callable[[str, Located[object]], object]],
        what: str,
        known: tuple[str, ...],
    ) -> dict[str, object]:
        found: dict[str, object] = {}
        for option, located in written.items():
            if option in readers:
                found[option] = readers[option](option, located)
            else:
                hint = names.did_you_mean(option, known) or f"it has: {', '.join(known)}"
                self.report.error(located.span, "unknown-property", f"{what} has no option {option!r}", hint)
        return found

    # --- kinds of values -------------------------------------------------------------------------------------------

    def version(self, option: str, located: Located[object]) -> int:
        """Return a version number."""
        value = located.value
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 1 << 31:
            return value
        self._bad(option, "a whole number from 1", located, "write 1")
        return 1

    def duration(self, option: str, located: Located[object]) -> float | None:
        """Return a duration in seconds."""
        found = _seconds(located.value)
        if found is None:
            self._bad(option, "a duration", located, _DURATION_HINT)
        return found

    def scope(self, option: str, located: Located[object]) -> str:
        """Return how a call names its session."""
        return self._word(option, located, get_args(ir.Scope), _SCOPE_HINT) or "auto"

    def create(self, option: str, located: Located[object]) -> str:
        """Return whether the create tool has a parameter for a key."""
        return self._word(option, located, _CREATE, f"write {' or '.join(_CREATE)}")

    def identifier(self, option: str, located: Located[object]) -> str:
        """Return the name of a tool or of a tool's argument."""
        judged = names.handle_problem if option == "handle" else names.tool_problem
        if isinstance(located.value, str):
            self._judge(located, judged(located.value))
            return located.value
        self._bad(option, "a name", located, "write a name")
        return ""

    def old_name(self, option: str, located: Located[object]) -> str:
        """Return the name that a key had."""
        if isinstance(located.value, str):
            self._judge(located, names.attribute_problem(located.value))
            return located.value
        self._bad(option, "the old name of the key", located, "write a name")
        return ""

    def reason(self, option: str, located: Located[object]) -> str:
        """Return a text that is not empty."""
        if isinstance(located.value, str) and located.value.strip():
            return located.value.strip()
        self._bad(option, "a text", located, 'say what to use instead: "Use title."')
        return ""

    def flag(self, option: str, located: Located[object]) -> bool:
        """Return whether something holds."""
        if isinstance(located.value, bool):
            return located.value
        self._bad(option, "true or false", located, f"write  {option}: true,  in Python  {option}=True")
        return False

    def reserved(self, option: str, located: Located[object]) -> tuple[str, ...]:
        """Return names that no key may have, in their normal order."""
        value = located.value
        if not isinstance(value, list | tuple | set | frozenset) or not all(isinstance(item, str) for item in value):
            self._bad(option, "a list of names", located, "write the names of removed keys: [old_name, other_name]")
            return ()
        for item in value:
            self._judge(located, names.attribute_problem(item))
        return tuple(sorted(set(value)))

    def migrations(self, option: str, located: Located[object]) -> tuple[ir.Migration, ...]:
        """Return migrations, by the version that they lead to."""
        if not isinstance(located.value, tuple):
            hint = (
                "write  migrations: [{to: 2, call: app.migrations:cart_v2}], or in Python {2: 'app.migrations:cart_v2'}"
            )
            self._bad(option, "functions with the versions that they lead to", located, hint)
            return ()
        found = [self._migration(one) for one in located.value]
        return tuple(sorted((one for one in found if one), key=lambda one: one.to))

    def _migration(self, declared: MigrationDeclaration) -> ir.Migration | None:
        to, call = declared.to.value, declared.call.value
        if not isinstance(to, int) or isinstance(to, bool) or to < 2:
            self._bad("to", "the version that it leads to, from 2", declared.to, "write  to: 2")
            return None
        if not isinstance(call, str) or not _is_importable(call):
            self._bad("call", "a function, as module:function", declared.call, "write  call: app.migrations:cart_v2")
            return None
        compatible = declared.compatible.value if declared.compatible else False
        if not isinstance(compatible, bool):
            self._bad("compatible", "true or false", declared.compatible or declared.call, "write  compatible: true")
            return None
        module, _, qualname = call.partition(":")
        return ir.Migration(to, module, qualname, compatible)

    def _word(self, option: str, located: Located[object], allowed: tuple[str, ...], hint: str) -> str:
        text = located.value if isinstance(located.value, str) else ""
        if text in allowed:
            return text
        near = names.did_you_mean(text, allowed)
        self._bad(option, f"one of {', '.join(allowed)}", located, near or hint)
        return ""

    def _bad(self, option: str, expected: str, located: Located[object], hint: str) -> None:
        message = f"{option} should be {expected}, got {safe_repr(located.value)}"
        self.report.error(located.span, "bad-value", message, hint)

    def _judge(self, located: Located[object], problem: names.Problem | None) -> None:
        if problem:
            self.report.error(located.span, "bad-name", problem.message, problem.hint)


def _is_importable(call: str) -> bool:
    return is_reference(call) and all(map(is_name, call.replace(":", ".").split(".")))


def _seconds(value: object) -> float | None:
    if not isinstance(value, str) or not DURATION.fullmatch(value):
        return None
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    # No duration has more digits than the language lets one write, however it was put together.
    return round(total, 6) if total > 0 else None
