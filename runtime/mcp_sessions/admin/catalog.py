"""What is known of the schemas of sessions: the accessor classes at hand, and what their keys are called and mean."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Final

from mcp_sessions.base_session import BaseSession
from mcp_sessions.keys import Key
from mcp_sessions.stores.terms import EVENTS_SCHEMA, TRANSPORT_SCHEMA, Address
from mcp_sessions.untyped import UntypedSession

_OWN: Final = {TRANSPORT_SCHEMA: "MCP session", EVENTS_SCHEMA: "events"}
"""What sessions are called that no schema of a user's describes; no schema can have such a name or is one of these."""


class Catalog:
    """The schemas at hand: accessor classes by the names of their schemas.

    Args:
        accessors: Generated classes, or ones derived from ``UntypedSession``; of two for one schema the first counts.
    """

    def __init__(self, accessors: Iterable[type[BaseSession]] = ()) -> None:
        self._accessors: dict[str, type[BaseSession]] = {}
        for accessor in accessors:
            self._accessors.setdefault(accessor.schema.name, accessor)

    def __iter__(self) -> Iterator[type[BaseSession]]:
        return iter(self._accessors.values())

    def __len__(self) -> int:
        return len(self._accessors)

    def find(self, schema: str) -> type[BaseSession] | None:
        """Return the accessor class of a schema, if it is at hand."""
        return self._accessors.get(schema)


def title_of(address: Address) -> str:
    """Return what a session is called: by its schema or, where the SDK's own are kept, as what it is."""
    return _OWN.get(address.schema, address.schema) if address.space == "transport" else address.schema


def schema_titled(title: str) -> str:
    """Return the schema of sessions that are called so."""
    return next((schema for schema, own in _OWN.items() if own == title), title)


def is_untyped(accessor: type[BaseSession]) -> bool:
    """Tell whether an accessor takes any key."""
    return issubclass(accessor, UntypedSession)


def doc_of(accessor: type[BaseSession], key: Key[Any, Any]) -> str:
    """Return what a schema says of a key: what its tool's parameter is told, or the method that reads it."""
    if key.doc:
        return key.doc
    _, _, said = (inspect.getdoc(getattr(accessor, f"get_{key.name}", None)) or "").partition("\n\n")
    field = None if key.model is None else key.model.model_fields.get(key.name)
    return said.strip() or (field.description if field is not None and field.description else "")
