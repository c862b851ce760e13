"""Why a value does not fit, in words that hold nothing of the value: it may be a secret."""

from typing import Any, Final, get_args

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticSerializationError, core_schema

from mcp_sessions.forms import Form
from mcp_sessions.stores.terms import SEALED

_TELLTALES: Final = {
    "value_error": "refused by a validator",
    "assertion_error": "refused by a validator",
    "union_tag_invalid": "the tag is none of the union's",
}
"""Words for the errors of Pydantic whose own message may hold the value."""

ENCRYPTED: Final = "it is encrypted, and the server has to open its store with EncryptedStore and the keys"

_PYDANTICS: Final = frozenset(get_args(core_schema.ErrorType))
"""The errors of Pydantic itself; a validator of the user's may raise others, and say anything."""


def unstorable(error: Exception) -> str:
    """Say why a value cannot be JSON; the error's own text may hold the value."""
    if "invalid utf-8" in str(error):
        return 'it cannot be stored as JSON: it holds bytes that are no text; the model\'s config can say  "base64"'
    if isinstance(error, PydanticSerializationError) and "surrogates" not in str(error):
        return "it cannot be stored as JSON: a part of it was changed to another type after its validation"
    return "it cannot be stored as JSON: it holds a number that is too long, or text that is not Unicode"


def in_words(error: ValidationError, form: Form[Any]) -> str:
    """Say what is wrong and of what type the input was, without the value: that may be a secret."""
    details = error.errors(include_url=False, include_context=False)
    known = _field_names(form.adapter)
    parts = [_detail_in_words(detail, known, form.depth) for detail in details[:3]]
    more = len(details) - len(parts)
    return "; ".join(parts) + (f"; and {more} more" if more > 0 else "")


def misfit(raw: bytes, error: ValidationError, form: Form[Any]) -> str:
    """Say what is wrong with stored bytes, as ``in_words`` does; if they are encrypted, say who can read them."""
    is_sealed = raw.startswith(SEALED) and len(raw) > len(SEALED)  # alone it stands for what did not open
    return ENCRYPTED if is_sealed else in_words(error, form)


def _field_names(adapter: TypeAdapter[Any]) -> frozenset[str]:
    """Return the names of fields in a type: of what stands in a value, they alone may be shown."""
    try:
        schema = adapter.json_schema(by_alias=False)
    except PydanticUserError:
        return frozenset()
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for model in models for name in model.get("properties", {}))


def _detail_in_words(detail: ErrorDetails, known: frozenset[str], depth: int) -> str:
    where = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part}" if part in known else "[...]"
        for part in detail["loc"][depth:]
    ).removeprefix(".")
    kind = detail["type"]
    message = _TELLTALES.get(kind, detail["msg"] if kind in _PYDANTICS else "refused by a validator")
    return f"{where + ': ' if where else ''}{message[:1].lower()}{message[1:]} (got {type(detail['input']).__name__})"
