"""Sessions that stay a model of the user's: generated code imports the class and asks it for everything."""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Final

from pydantic import BaseModel, RootModel
from pydantic.json_schema import GenerateJsonSchema

from mcp_sessiongen import ir
from mcp_sessiongen.declarations import FieldDeclaration
from mcp_sessiongen.ir_dump import dump
from mcp_sessiongen.load.live import TypeProblem
from mcp_sessiongen.load.pydantic_types import TypeReader
from mcp_sessiongen.load.serializers import serializer_problem

_SAYINGS: Final = ("title", "description", "examples", "default", "deprecated")
"""Keywords of JSON Schema that say nothing about which values there are."""

_TABLES: Final = ("properties", "$defs", "patternProperties", "dependentSchemas")
"""Keywords whose members are names of the user's."""


def bound_model(kind: type[BaseModel], reader: TypeReader) -> ir.Imported:
    """Return the type of a model that is a session as it is.

    Raises:
        TypeProblem: If it cannot be one; the message says why.
    """
    name = kind.__name__
    if issubclass(kind, RootModel):
        message = f"{name} is a RootModel: it is one value and has no fields to be keys"
        raise TypeProblem("unsupported", message, "make it a field of a model")
    if kind.__pydantic_generic_metadata__["parameters"]:
        message = f"{name} is generic: nothing says what its parameters stand for"
        raise TypeProblem("unsupported", message, f"name a subclass, such as  class Mine({name}[int]): ...")
    if kind.__pydantic_custom_init__:
        message = f"{name} has an __init__ of its own, which would not run when one key is read or written"
        raise TypeProblem("unsupported", message, "use defaults and validators instead")
    decorators = kind.__pydantic_decorators__
    old = next(iter([*decorators.validators, *decorators.root_validators]), "")
    if old:
        message = f"{old} of {name} is a validator of Pydantic 1, which cannot run for one key alone"
        raise TypeProblem("unsupported", message, "write it with @field_validator or @model_validator")
    problem = serializer_problem(kind, name)
    if problem:
        raise TypeProblem("unsupported", problem, "store another model, made of what is to be kept")
    generic = kind.__pydantic_generic_metadata__
    arguments = tuple(map(reader.read, generic["args"])) if generic["origin"] else ()
    return reader.imported_model(generic["origin"] or kind, arguments)


def fingerprint_of(kind: type[BaseModel], keys: Iterable[FieldDeclaration]) -> str:
    """Return 16 hex digits that change when what a model accepts or writes does.

    They are those of its JSON Schemas, as far as there are any, and of the types of its fields.
    """
    types = [[key.name.value, dump(key.type.value) if key.type else None] for key in keys]
    seen = [_schema(kind, mode) for mode in ("validation", "serialization")]
    text = json.dumps([types, seen], sort_keys=True, separators=(",", ":"), default=_stable)
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


class _Quiet(GenerateJsonSchema):
    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012  # Pydantic's own declaration


def _schema(kind: type[BaseModel], mode: Any) -> object:
    try:
        return _meaning(kind.model_json_schema(by_alias=False, mode=mode, schema_generator=_Quiet))
    except Exception:  # not everything has a JSON Schema, and code of the user's may take part in it
        return None


def _meaning(schema: object) -> object:
    """Return a JSON Schema without what is only said; what has no order is put into one."""
    if isinstance(schema, list):
        return [_meaning(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, object] = {}
    for keyword, value in schema.items():
        if keyword in _TABLES and isinstance(value, dict):
            found[keyword] = {name: _meaning(item) for name, item in value.items()}
        elif keyword == "required" and isinstance(value, list):
            found[keyword] = sorted(value)
        elif keyword not in _SAYINGS:
            found[keyword] = _meaning(value)
    return found


def _stable(value: object) -> str:
    """Return what stands for an object that JSON does not know, the same in every process."""
    return type(value).__qualname__
