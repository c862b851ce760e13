"""Enumerations of a schema: their values, and the names that these have in Python."""

import re
from typing import Final

from mcp_sessiongen import ir, names
from mcp_sessiongen.declarations import EnumDeclaration, Located, MemberDeclaration
from mcp_sessiongen.diagnostics import Report, Span
from mcp_sessiongen.doc_text import normal_doc
from mcp_sessiongen.safe_text import safe_repr
from mcp_sessiongen.values import is_writable

MEMBER: Final = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)*_?")
_NAME_HINT: Final = "give it one:  {value: ..., name: SOME_NAME}"


def read_enum(declared: EnumDeclaration, report: Report) -> ir.Enumeration:
    """Return an enumeration; values that it cannot have are reported and left out."""
    if not declared.members:
        message, hint = f"enum {declared.name.value} has no values", "list them:  enum: [open, closed]"
        report.error(declared.name.span, "bad-enum", message, hint)
    members: list[ir.EnumMember] = []
    by_value: dict[str | int, Span] = {}
    by_name: dict[str, Span] = {}
    for member in declared.members:
        value = _value(member.value, declared, report)
        if value is None:
            continue
        if value in by_value:
            message = f"{safe_repr(value)} is given twice"
            report.error(member.value.span, "bad-enum", message, "remove one", ((by_value[value], "first given here"),))
            continue
        by_value[value] = member.value.span
        name = _name(member, value, report)
        span = member.name.span if member.name else member.value.span
        if name in by_name:
            message = f"{safe_repr(value)} would be called {name}, as another value is"
            report.error(span, "name-clash", message, _NAME_HINT, ((by_name[name], "the other one"),))
        elif name:
            by_name[name] = span
            members.append(ir.EnumMember(name, value, normal_doc(member.doc)))
    if _is_mixture(declared, members, report):
        members = []
    return ir.Enumeration(declared.name.value, tuple(members), normal_doc(declared.doc))


def _value(located: Located[object], declared: EnumDeclaration, report: Report) -> str | int | None:
    value = located.value
    if isinstance(value, str) and _is_encodable(value):
        return str(value)
    if isinstance(value, int) and not isinstance(value, bool) and is_writable(value):
        return int(value)
    hint = "write true and false in quotes, or use bool" if isinstance(value, bool) else "change the value"
    message = f"a value of enum {declared.name.value} should be a text or a whole number, got {safe_repr(value)}"
    report.error(located.span, "bad-enum", message, hint)
    return None


def _name(member: MemberDeclaration, value: str | int, report: Report) -> str:
    """Return what a value is called in Python; "" after reporting that there is no such name."""
    if member.name is None:
        made = names.snake_case(value).upper() if isinstance(value, str) and value.isascii() else ""
        if _problem(made, value) is None:
            return made
        report.error(member.value.span, "bad-enum", f"{safe_repr(value)} gives no name in Python", _NAME_HINT)
        return ""
    problem = _problem(member.name.value, value)
    if problem:
        report.error(member.name.span, "bad-name", f"member name {safe_repr(member.name.value)} {problem}", "rename it")
        return ""
    return member.name.value


def _problem(name: str, value: str | int) -> str | None:
    """Say what is wrong with the name of a member."""
    if not MEMBER.fullmatch(name) or len(name) > names.MAX_KEY:
        return "should be of letters, digits and single underscores, such as SECOND"
    if names.is_keyword(name):
        return "is a keyword of Python"
    if name in ("name", "value", "mro") or name in dir(type(value)):
        return "is used by every enum of Python"
    return None


def _is_mixture(declared: EnumDeclaration, members: list[ir.EnumMember], report: Report) -> bool:
    kinds = {type(member.value) for member in members}
    if len(kinds) <= 1:
        return False
    odd = next(item for item in declared.members if type(item.value.value) is not type(members[0].value))
    message = f"enum {declared.name.value} mixes texts and whole numbers"
    report.error(odd.value.span, "bad-enum", message, "put the numbers in quotes, or make two enums of it")
    return True


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
