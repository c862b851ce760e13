"""From the IR back to text: what a schema means, in another form. Pure.

Each form is a module of its own, and this is the one entry to all of them.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Source, fatal
from mcp_sessiongen.export.inexpressible import Inexpressible

Classes: TypeAlias = Mapping[ir.Named | ir.Imported, Any]

FORMS: Final = ("ir", "json-schema", "yaml", "pydantic")
"""What a schema can be exported as."""


def export(module: ir.Module, form: str, *, source: str = "", classes: Classes | None = None) -> str:
    """Return a schema in another form.

    Args:
        module: What to export.
        form: One of `FORMS`.
        source: How the user calls the source; only for messages.
        classes: The user's own types as they are in Python, as `Declarations.classes` has them. Without them, a JSON
            Schema cannot say what such a type looks like, and a default that is a member of such an enum cannot be
            written into YAML.

    Raises:
        SchemaErrors: If the form has no words for something in the schema.
        ValueError: If there is no such form.
    """
    if form not in FORMS:
        raise ValueError(f"not a form: {form!r}")
    try:
        return _writer(form)(module, classes or {})
    except Inexpressible as problem:
        raise fatal(Source(source).span(), "not-exportable", f"{problem}", problem.hint) from None


def _writer(form: str) -> Callable[[ir.Module, Classes], str]:
    # Imported here: a form that was not asked for costs nothing.
    if form == "ir":
        from mcp_sessiongen.export.ir_json import export_ir

        return lambda module, classes: export_ir(module)
    if form == "json-schema":
        from mcp_sessiongen.export.json_schema import export_json_schema

        return export_json_schema
    if form == "yaml":
        from mcp_sessiongen.export.yaml_form import export_yaml

        return export_yaml
    from mcp_sessiongen.export.pydantic_form import export_pydantic

    return lambda module, classes: export_pydantic(module)
