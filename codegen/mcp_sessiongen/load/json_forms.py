"""What the values of a live type are in JSON, as Pydantic's own JSON Schema of the type says."""

import warnings
from enum import Enum
from typing import Any, Final

from pydantic import TypeAdapter

from mcp_sessiongen import ir
from mcp_sessiongen.load.live import TypeProblem

_BY_TYPE: Final[dict[str, ir.JsonForm]] = {
    "null": "null",
    "boolean": "true and false",
    "integer": "a number",
    "number": "a number",
    "string": "text",
    "array": "an array",
    "object": "an object",
}
_BY_VALUE: Final[dict[type, ir.JsonForm]] = {
    type(None): "null",
    bool: "true and false",
    int: "a number",
    float: "a number",
    str: "text",
    list: "an array",
    dict: "an object",
}
_BY_BYTE: Final[dict[bytes, ir.JsonForm]] = {
    b"n": "null",
    b"t": "true and false",
    b"f": "true and false",
    b'"': "text",
    b"[": "an array",
    b"{": "an object",
}
_DEEPEST: Final = 20


def forms_of(annotation: Any, shown: str) -> tuple[ir.JsonForm, ...]:
    """Return the forms of a type's values, sorted; () when they are objects.

    Raises:
        TypeProblem: If Pydantic cannot write them as JSON, or not read them.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapter = TypeAdapter[Any](annotation)
            schema = adapter.json_schema(mode="serialization", by_alias=False)
            adapter.json_schema(mode="validation", by_alias=False)
    except Exception:  # Pydantic has no schema for it, or code of the user's took part and failed
        hint = "use a builtin type, a model, an Enum, a dataclass, or another type that Pydantic reads and writes"
        raise TypeProblem("unknown-type", f"values of type {shown} cannot be stored", hint) from None
    found = forms_in(schema, schema.get("$defs", {}))
    return () if found == {"an object"} else tuple(sorted(found))


def forms_in(schema: Any, definitions: dict[str, Any], depth: int = 0) -> frozenset[ir.JsonForm]:
    """Return the forms that a JSON Schema allows; all of them when it does not say."""
    everything = frozenset(_BY_TYPE.values())
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return everything
    if "$ref" in schema:
        return forms_in(definitions.get(schema["$ref"].rpartition("/")[2]), definitions, depth + 1)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return frozenset(form for part in schema[keyword] for form in forms_in(part, definitions, depth + 1))
    if "const" in schema:
        return frozenset({_BY_VALUE[type(schema["const"])]})
    if "enum" in schema:
        return frozenset(_BY_VALUE[type(value)] for value in schema["enum"])
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        return frozenset(_BY_TYPE[name] for name in names if name in _BY_TYPE)
    return everything


def forms_of_enum(kind: type[Enum]) -> tuple[ir.JsonForm, ...]:
    """Return the forms of an enum's members, sorted.

    Raises:
        TypeProblem: If a member would not be read back from its JSON.
    """
    adapter = TypeAdapter[Enum](kind)
    return tuple(sorted({_form_of_member(member, adapter) for member in kind}))


def _form_of_member(member: Enum, adapter: TypeAdapter[Enum]) -> ir.JsonForm:
    try:
        raw = adapter.dump_json(member)
        is_same = adapter.validate_json(raw) is member
    except Exception:  # the user's enum may have code of its own
        is_same = False
    if not is_same:
        where = f"{type(member).__name__}.{member.name}"
        hint = "give the members of the enum texts or numbers as values"
        raise TypeProblem("unsupported", f"{where} cannot be stored as JSON and read back", hint)
    return _BY_BYTE.get(raw[:1], "a number")
