"""What must hold of the schemas that a server is given; else it is refused when the server is made."""

from collections.abc import Sequence
from math import inf

from mcp_sessions.base_session import BaseSession
from mcp_sessions.stores.terms import EVENTS_SCHEMA


def require_lifetimes(accessors: Sequence[type[BaseSession]], idle: float, longest: float | None) -> None:
    """Refuse a schema that would promise a longer lifetime than its sessions have."""
    for schema in (accessor.schema for accessor in accessors):
        if (schema.idle or idle) > (schema.max or longest or inf):
            raise ValueError(
                f"a {schema.name} session would live longer without use than at all: its idle lifetime is above "
                f"the max of {'Sessions' if schema.max is None else 'its schema'}"
            )


def require_accessors(schemas: object) -> None:
    """Refuse what is no list of accessor classes."""
    given = list(schemas) if isinstance(schemas, Sequence) and not isinstance(schemas, str) else None
    if given is None:
        raise TypeError(f"schemas is a list of accessor classes, such as [CartSession]; got {schemas!r}")
    for one in given:
        if not (isinstance(one, type) and issubclass(one, BaseSession) and hasattr(one, "schema")):
            raise TypeError(f"schemas has {one!r}, which is no accessor class: those are called ...Session")


def require_distinct(accessors: Sequence[type[BaseSession]]) -> None:
    """Refuse schemas that would share a name: their sessions or their tools would be mixed up."""
    schemas = [accessor.schema for accessor in accessors]
    if any(schema.name == EVENTS_SCHEMA for schema in schemas):
        raise ValueError(f"no schema can be called {EVENTS_SCHEMA!r}; the server keeps its events under that name")
    tools = [name for schema in schemas if schema.has_handles for name in schema.tool_names]
    for what, names in (("schemas are", [schema.name for schema in schemas]), ("tools of schemas are", tools)):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two {what} called {twice[0]!r}; each needs a name of its own")
