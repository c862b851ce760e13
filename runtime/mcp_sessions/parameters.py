"""Keys as parameters of the create tool: described to the model in full, and checked by the key alone.

The SDK would name the refused value in its message; so to the SDK each parameter is anything at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from mcp_sessions.forms import UNSET, Unset
from mcp_sessions.keys import Key


def parameter(key: Key[Any, Any]) -> Any:
    """Return the annotation of the parameter for a key; one that is left out is UNSET."""
    # The SDK parses text as JSON unless the parameter is called a str: "true" must stay a title.
    takes_text = _takes_text(key.form.adapter.json_schema())
    return Annotated[str if takes_text else object, _Described(key)]


@dataclass(frozen=True, slots=True, eq=False)
class _Described:
    key: Key[Any, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        anything = core_schema.any_schema()
        if self.key.create == "required":
            return anything
        return core_schema.with_default_schema(anything, default_factory=_unset)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(self.key.form.adapter.core_schema)
        said: dict[str, object] = {"description": self.key.doc} if self.key.doc else {}
        return described | said | ({"writeOnly": True} if self.key.secret else {})


def _unset() -> Unset:
    return UNSET


def _takes_text(schema: Mapping[str, Any], definitions: Mapping[str, Any] | None = None) -> bool:
    """Tell whether a JSON schema allows a string."""
    known = schema.get("$defs", {}) if definitions is None else definitions
    if "$ref" in schema:
        return _takes_text(known[schema["$ref"].rpartition("/")[2]], known)
    choices = [*schema.get("anyOf", ()), *schema.get("oneOf", ()), *schema.get("allOf", ())]
    texts = [schema.get("const"), *schema.get("enum", ())]
    is_text = schema.get("type") == "string" or any(isinstance(text, str) for text in texts)
    return is_text or any(_takes_text(choice, known) for choice in choices)
