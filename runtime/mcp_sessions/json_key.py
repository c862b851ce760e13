"""The keys of untyped sessions: any JSON value."""

from math import isfinite
from typing import Any

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from mcp_sessions.durations import Duration, seconds
from mcp_sessions.errors import SessionValueError
from mcp_sessions.keys import LONG, Key
from mcp_sessions.refusals import unstorable


class JsonKey(Key[Any, Any]):
    """A key of an untyped session: any JSON value."""

    def __init__(self, name: str, ttl: Duration | None = None) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a key is text; got {type(name).__name__}")
        super().__init__(name, Any, ttl=None if ttl is None else seconds(ttl))

    def encode(self, value: object) -> bytes:
        """Return a JSON value as compact JSON.

        Raises:
            SessionValueError: If the value is not made of dict (with str keys), list, str, int, float, bool and None.
        """
        _require_json(self.name, value)
        try:
            raw = to_json(value, inf_nan_mode="constants")
            if len(raw) > LONG:
                self.form.load(raw)
        except (PydanticSerializationError, ValueError) as error:
            raise SessionValueError(f"{self.name}: {unstorable(error)}; nothing was written") from None
        return raw


def _require_json(where: str, value: object, depth: int = 0) -> None:
    if isinstance(value, float) and not isfinite(value):
        raise SessionValueError(f"{where}: {value} is not a JSON value; nothing was written")
    if value is None or isinstance(value, str | bool | int | float):
        return
    if depth > 100:
        raise SessionValueError(f"{where}: nested deeper than 100 levels; nothing was written")
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _require_json(f"{where}[{index}]", item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise SessionValueError(f"{where}: a JSON object has str keys, got {type(name).__name__}")
            _require_json(f"{where}{{...}}", item, depth + 1)
    else:
        hint = ""
        if isinstance(value, BaseModel):
            hint = "; store value.model_dump(mode='json'), or declare the key in a schema"
        raise SessionValueError(
            f"{where}: {type(value).__name__} is not a JSON value (dict, list, str, int, float, bool, None){hint}"
        )
