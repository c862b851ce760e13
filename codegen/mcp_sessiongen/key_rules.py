"""How the options of keys go together with the rest of their session."""

from collections.abc import Mapping

from mcp_sessiongen import ir, names
from mcp_sessiongen.declarations import FieldDeclaration, Located, SessionDeclaration
from mcp_sessiongen.diagnostics import Report, Span


def report_key_rules(declaration: SessionDeclaration, session: ir.Session, report: Report) -> None:
    """Report keys that contradict themselves or their session.

    Args:
        declaration: The session as declared, for the positions.
        session: The same as IR.
        report: Takes the findings.
    """
    declared = {key.name.value: key for key in declaration.keys}
    _names_of_the_past(declared, session, declaration.options.get("reserved"), report)
    for key in session.keys:
        if key.create:
            _create(key, declared[key.name], session, report)


def _names_of_the_past(
    declared: Mapping[str, FieldDeclaration], session: ir.Session, reserved: Located[object] | None, report: Report
) -> None:
    """Report keys that have a name which another key had before, so that old values would be taken for new ones."""
    old: dict[str, tuple[str, Span]] = {}
    if reserved:
        old.update((name, ("reserved", reserved.span)) for name in session.reserved)
    for key in session.keys:
        if not key.renamed_from:
            continue
        span = declared[key.name].options["renamed_from"].span
        if key.renamed_from in old:
            label, first = old[key.renamed_from]
            message = f"{key.renamed_from!r} is {label} already"
            report.error(span, "reserved-name", message, "remove it in one of the places", ((first, "here"),))
        old.setdefault(key.renamed_from, ("the old name of another key", span))
    for name, declaration in declared.items():
        if name in old:
            what, place = old[name]
            message = f"key {name!r} has a name that is {what}"
            hint = "choose another: what is stored under that name would be taken for its value"
            report.error(declaration.name.span, "reserved-name", message, hint, ((place, "here"),))


def _create(key: ir.Field, declared: FieldDeclaration, session: ir.Session, report: Report) -> None:
    span = declared.options["create"].span
    if key.create == "required" and key.default is not None:
        message = f"key {key.name!r} must be given when a session is created, so its default would never be used"
        report.error(span, "bad-value", message, "write  create: optional, or remove the default")
    if session.scope in ("transport", "user"):
        message = f"a session of scope {session.scope} has no create tool that could ask for key {key.name!r}"
        report.error(span, "bad-value", message, "remove create, or choose scope auto or handle")
    if key.name in (session.handle or session.name, names.RETENTION):
        message = f"key {key.name!r} is a parameter of the create tool, whose answer has that name for something else"
        report.error(span, "name-clash", message, "rename the key, or choose another handle")
