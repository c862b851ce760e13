"""Finds serializers of a model that write what the model does not read."""

import warnings
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import BaseModel, PlainSerializer, TypeAdapter, ValidationError, WrapSerializer
from pydantic import BeforeValidator as Before
from pydantic import PlainValidator as Plain
from pydantic import WrapValidator as Wrap
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined, from_json

from mcp_sessiongen.load.json_forms import forms_in


def serializer_problem(model: type[BaseModel], path: str) -> str:
    """Return what is wrong with the serializers of a model, "" if nothing is known to be.

    Args:
        model: The model; those inside of it are not looked at.
        path: How messages call it.
    """
    fields = [name for name in dict.fromkeys(_serialized(model)) if not _is_converted(model, name)]
    decorators = model.__pydantic_decorators__
    converts = any(item.info.mode != "after" for item in decorators.model_validators.values())
    if not fields and (converts or not decorators.model_serializers):
        return ""
    written, read = _schemas(model)
    if decorators.model_serializers and not converts:
        name = next(iter(decorators.model_serializers))
        problem = _mismatch(written, read, written, read)
        if problem:
            return f"{path} is written by {name} as {problem}"
    for name in fields:
        one, other = (_model_part(schema).get("properties", {}).get(name) for schema in (written, read))
        problem = _mismatch(one, other, written, read) if one is not None and other is not None else ""
        if problem or not _default_returns(model, name):
            return f"{path}.{name} has a serializer: it is written as {problem or 'what it is not read back from'}"
    return ""


def _serialized(model: type[BaseModel]) -> Iterator[str]:
    for decorator in model.__pydantic_decorators__.field_serializers.values():
        for name in decorator.info.fields:
            yield from model.model_fields if name == "*" else (name,)
    for name, info in model.model_fields.items():
        if any(isinstance(item, PlainSerializer | WrapSerializer) for item in info.metadata):
            yield name


def _is_converted(model: type[BaseModel], name: str) -> bool:
    """Tell whether a validator sees what was written before the field's type does."""
    validators = model.__pydantic_decorators__.field_validators.values()
    if any(item.info.mode != "after" and {name, "*"} & set(item.info.fields) for item in validators):
        return True
    info = model.model_fields.get(name)
    return info is None or any(isinstance(item, Before | Plain | Wrap) for item in info.metadata)


def _schemas(model: type[BaseModel]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the JSON Schemas of what is written and of what is read; empty ones when there are none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            written = model.model_json_schema(mode="serialization", by_alias=False)
            return written, model.model_json_schema(mode="validation", by_alias=False)
    except Exception:  # Pydantic cannot say, or code of the user's was asked
        return {}, {}


def _model_part(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the model itself: a recursive one is among the definitions."""
    reference = schema.get("$ref", "").rpartition("/")[2]
    found = schema.get("$defs", {}).get(reference, schema)
    return found if isinstance(found, dict) else {}


def _mismatch(one: Any, other: Any, written: dict[str, Any], read: dict[str, Any]) -> str:
    outgoing, incoming = forms_in(one, written.get("$defs", {})), forms_in(other, read.get("$defs", {}))
    if outgoing & incoming:
        return ""
    return f"{' or '.join(sorted(outgoing))}, and read from {' or '.join(sorted(incoming))}"


def _default_returns(model: type[BaseModel], name: str) -> bool:
    """Try a serializer on the default: the one value that is at hand."""
    info: FieldInfo = model.model_fields[name]
    if info.default is PydanticUndefined or info.default is None:
        return True
    try:
        raw = model.model_construct(**{name: info.default}).model_dump_json(include={name}, warnings=False)
        value = from_json(raw)[name]
        annotation: Any = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
        return bool(TypeAdapter(annotation).validate_python(value) == info.default)
    except ValidationError:
        return False
    except Exception:  # the serializer needs more than this field: it cannot be tried
        return True
