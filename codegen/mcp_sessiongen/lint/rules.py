"""The rules: each looks at a whole schema, and yields what it finds.

A rule is here if a demanding team would leave it on: it is seldom wrong, and says what to do.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Diagnostic
from mcp_sessiongen.ir_dump import dump
from mcp_sessiongen.lint.subject import Item, Subject, warning
from mcp_sessiongen.type_parts import names_in, parts_of, without_none

Rule: TypeAlias = Callable[[Subject], Iterator[Diagnostic]]

_MAX_DEFAULT: Final = 1000
_MIN_WORDS: Final = 2
_MONEY: Final = frozenset(
    ("amount", "balance", "budget", "cost", "discount", "fee", "price", "refund", "salary", "tax", "vat")
)
_NO_MONEY: Final = frozenset(("rate", "ratio", "percent", "factor", "index", "share"))
_SECRETS: Final = frozenset(
    ("password", "passwd", "passphrase", "secret", "credential", "credentials", "cvv", "pin", "token")
)
_PLAIN_TOKENS: Final = frozenset(
    ("cancel", "continuation", "csrf", "cursor", "next", "page", "progress", "resume", "skip", "sync")
)
"""What stands before `token` where it gives no access to anything."""

_SECRET_ENDS: Final = (("access", "key"), ("api", "key"), ("card", "number"), ("private", "key"), ("secret", "key"))
_KEPT_SECRET: Final = "keep it in a secret manager, and its name in the session; or mask it wherever people look:  {}"


def lint(subject: Subject) -> list[Diagnostic]:
    """Return all that the rules find in a schema, in reading order."""
    found = {diagnostic for rule in RULES.values() for diagnostic in rule(subject)}
    return sorted(found, key=lambda diagnostic: diagnostic.order)


def deprecated_hint(subject: Subject) -> Iterator[Diagnostic]:
    """Find deprecations that say nothing."""
    for item in subject.session_keys():
        if item.field.deprecated and len(item.field.deprecated.split()) < _MIN_WORDS:
            message = f"deprecated: {item.field.deprecated!r} does not say what to use instead of {item.what}"
            yield warning(item.span, "lint-deprecated-hint", message, 'write a sentence, such as "Use title."')


def float_money(subject: Subject) -> Iterator[Diagnostic]:
    """Find floats that are named like amounts of money."""
    for item in _items(subject):
        words = set(item.field.name.split("_"))
        if words & _MONEY and not words & _NO_MONEY and ir.Scalar("float") in _inside(item.field.type):
            message = f"{item.what} is an amount of money, and a float"
            yield warning(item.span, "lint-float-money", message, "use Decimal, or an int that counts cents")


def key_doc(subject: Subject) -> Iterator[Diagnostic]:
    """Find parameters of the create tool that the model is told nothing about."""
    for item in subject.session_keys():
        if item.field.create and not item.field.doc.strip():
            message = f"{item.what} is a parameter of the create tool, and has no doc"
            yield warning(item.span, "lint-key-doc", message, "say in a sentence what the model should pass: add  doc:")


def large_default(subject: Subject) -> Iterator[Diagnostic]:
    """Find defaults that should not be code."""
    for item in _items(subject):
        size = len(json.dumps(dump(item.field.default)))
        if size > _MAX_DEFAULT:
            message = f"the default of {item.what} is very large"
            yield warning(item.span, "lint-large-default", message, "set it where the session begins")


def lifetime(subject: Subject) -> Iterator[Diagnostic]:
    """Find sessions that outlive connections, for a time that nobody has decided on."""
    for session, span in subject.sessions():
        if session.scope in ("handle", "user") and session.idle is None and session.max is None:
            message = f"session {session.name!r} of scope {session.scope} has no lifetime"
            yield warning(span, "lint-lifetime", message, "say how long it is kept, such as idle 30m and max 24h")


def secret(subject: Subject) -> Iterator[Diagnostic]:
    """Find credentials, by their names, that nobody has said to be secret."""
    hint = _KEPT_SECRET.format(subject.wording.key("secret", True))
    for item in subject.session_keys():
        if _is_credential(item.field) and not item.field.secret:
            message = f"{item.what} is a credential, and would be stored and shown as it is"
            yield warning(item.span, "lint-secret", message, hint)
    shown = _types_of(subject, [item.field for item in subject.session_keys() if not item.field.secret])
    unused = set(subject.module.type_names) - _types_of(subject, [item.field for item in subject.session_keys()])
    for model in subject.module.models:
        for item in subject.fields_of(model):
            if _is_credential(item.field) and model.name in shown | unused:
                message = f"{item.what} of {model.name} is a credential, and would be stored and shown as it is"
                yield warning(item.span, "lint-secret", message, f"{hint}  on the key that holds it")


def secret_parameter(subject: Subject) -> Iterator[Diagnostic]:
    """Find secrets that the model has to know."""
    for item in subject.session_keys():
        if item.field.secret and item.field.create:
            message = f"{item.what} is secret, and a parameter of the create tool: the model passes it, so it knows it"
            yield warning(item.span, "lint-secret-parameter", message, "let a tool of yours write it: remove create")


def session_doc(subject: Subject) -> Iterator[Diagnostic]:
    """Find sessions without documentation."""
    for session, span in subject.sessions():
        if not session.doc.strip():
            message = f"session {session.name!r} has no doc"
            yield warning(span, "lint-session-doc", message, "say in a sentence what it keeps")


def ttl(subject: Subject) -> Iterator[Diagnostic]:
    """Find keys whose own lifetime never ends before that of the session."""
    for item in subject.session_keys():
        longest = item.session.max if item.session else None
        if item.field.ttl is not None and longest is not None and item.field.ttl >= longest:
            message = f"the ttl of {item.what} is not shorter than the max lifetime of the session"
            yield warning(item.span, "lint-ttl", message, "shorten it, or remove it")


def unbounded(subject: Subject) -> Iterator[Diagnostic]:
    """Find values that can grow without a limit."""
    for item in subject.session_keys():
        kind = _plain(item.field.type)
        grows = isinstance(kind, ir.Array | ir.Table) or (isinstance(kind, ir.Tuple) and kind.open)
        is_written_by_model = bool(item.field.create) and kind in (ir.Scalar("str"), ir.Scalar("bytes"))
        has_limit = {"max_length", "pattern"} & _constraints(item.field)
        is_bound = item.session is not None and item.session.model is not None
        if (grows or is_written_by_model) and not has_limit and not is_bound:
            message = f"{item.what} can grow without a limit"
            yield warning(item.span, "lint-unbounded", message, "say how much is meant: add  max_length:")


def unused_type(subject: Subject) -> Iterator[Diagnostic]:
    """Find types that no session uses."""
    used = _types_of(subject, [item.field for item in subject.session_keys()])
    for name, span in subject.types():
        if name not in used:
            yield warning(span, "lint-unused-type", f"no session uses type {name}", "remove it, or use it")


RULES: Final[dict[str, Rule]] = {
    "lint-deprecated-hint": deprecated_hint,
    "lint-float-money": float_money,
    "lint-key-doc": key_doc,
    "lint-large-default": large_default,
    "lint-lifetime": lifetime,
    "lint-secret": secret,
    "lint-secret-parameter": secret_parameter,
    "lint-session-doc": session_doc,
    "lint-ttl": ttl,
    "lint-unbounded": unbounded,
    "lint-unused-type": unused_type,
}


def _items(subject: Subject) -> Iterator[Item]:
    yield from subject.session_keys()
    yield from subject.type_fields()


def _types_of(subject: Subject, fields: Iterable[ir.Field]) -> set[str]:
    """Return the names of the types that fields hold, directly or through other types."""
    models = {model.name: model for model in subject.module.models}
    found: set[str] = set()
    waiting = [name for field in fields for name in names_in(field.type)]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            inner = models[name].fields if name in models else ()
            waiting.extend(inside for field in inner for inside in names_in(field.type))
    return found


def _is_credential(field: ir.Field) -> bool:
    words = field.name.lower().split("_")
    is_plain = words[-1] == "token" and bool(_PLAIN_TOKENS.intersection(words))
    is_named_so = words[-1] in _SECRETS or tuple(words[-2:]) in _SECRET_ENDS
    return is_named_so and not is_plain and not {ir.Scalar("str"), ir.Scalar("bytes")}.isdisjoint(_inside(field.type))


def _plain(kind: ir.Type) -> ir.Type:
    """Return a type without its None."""
    kind = without_none(kind)
    return _plain(kind.type) if isinstance(kind, ir.Constrained) else kind


def _constraints(field: ir.Field) -> set[str]:
    inner = without_none(field.type)
    own = inner.constraints if isinstance(inner, ir.Constrained) else ()
    return {name for name, _ in (*field.constraints, *own)}


def _inside(kind: ir.Type) -> set[ir.Type]:
    """Return a type and all that it is made of."""
    return {kind}.union(*(_inside(part) for part in parts_of(kind)))
