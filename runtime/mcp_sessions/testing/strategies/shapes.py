"""Strategies for everything that Pydantic can describe: made from its core schema, which is what it validates by.

Annotations would say the same in many more ways: models, dataclasses, generics and aliases are all resolved here, and
constraints stand where they hold. Values are made from the inside out. What a model refuses is drawn again right there,
so an unlucky field costs one model and not the whole value.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import BaseModel, TypeAdapter, ValidationError

from mcp_sessions.forms import BY_NAME
from mcp_sessions.testing.strategies.refusals import NoStrategyError
from mcp_sessions.testing.strategies.scalars import SCALARS

Node: TypeAlias = Mapping[str, Any]
Strategy: TypeAlias = SearchStrategy[Any]

ANY_SCALAR: Final[Strategy] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)
"""Any value that JSON has and that holds no others."""

ANY_JSON: Final[Strategy] = st.recursive(
    ANY_SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
"""Any value that JSON has."""

_COLLECTIONS: Final[dict[str, Callable[..., Any]]] = {
    "list": list,
    "deque": deque,
    "set": set,
    "frozenset": frozenset,
}

_MORE: Final = 5
"""How many items a collection has at most beyond those that it must have, if nothing says how many there may be."""
_DEEP: Final = 2
"""How often a type may stand within itself."""
_REJECTED: Final = object()

_WRAPPERS: Final = {
    "default": "schema",
    "function-after": "schema",
    "function-before": "schema",
    "function-wrap": "schema",
    "custom-error": "schema",
    "json-or-python": "python_schema",
    "lax-or-strict": "strict_schema",
}
"""Nodes around others, and where these are; what functions do to values is done when they are validated."""


class Shapes:
    """Makes strategies from the nodes of one core schema."""

    def __init__(self) -> None:
        self._definitions: dict[str, Node] = {}
        self._around: Counter[str] = Counter()
        self._made: dict[tuple[str, frozenset[tuple[str, int]]], Strategy | None] = {}

    def of(self, node: Node) -> Strategy | None:
        """Return what gives values that fit a node, not yet validated; None if only endless ones would.

        Raises:
            NoStrategyError: If nobody but the type's own code can tell which values fit.
        """
        kind = node["type"]
        if kind in SCALARS:
            return SCALARS[kind](node)
        if kind in _WRAPPERS:
            return self.of(node[_WRAPPERS[kind]])
        make = _MAKERS.get(kind)
        if make is None:
            raise NoStrategyError(f"which values fit is decided by code of its own ({kind})")
        return make(self, node)

    def within_definitions(self, node: Node) -> Strategy | None:
        """Note definitions, for those who refer to them."""
        self._definitions |= {one["ref"]: one for one in node["definitions"]}
        return self.of(node["schema"])

    def referred(self, node: Node) -> Strategy | None:
        """Follow a reference, unless it has been followed so often that values would become too deep."""
        name = node["schema_ref"]
        if self._around[name] >= _DEEP:
            return None
        self._around[name] += 1
        where = name, frozenset(self._around.items())
        if where not in self._made:
            self._made[where] = self.of(self._definitions[name])
        self._around[name] -= 1
        return self._made[where]

    def nullable(self, node: Node) -> Strategy | None:
        """Return null, or what is inside."""
        return _either([st.none(), self.of(node["schema"])])

    def union(self, node: Node) -> Strategy | None:
        """Return what fits one of the choices."""
        choices = node["choices"]
        each = choices.values() if isinstance(choices, Mapping) else choices
        return _either(self.of(choice[0] if isinstance(choice, tuple) else choice) for choice in each)

    def chain(self, node: Node) -> Strategy | None:
        """Return what fits the first step that says more than a class; the others make something of it."""
        steps = node["steps"]
        telling = [step for step in steps if step.get("python_schema", step)["type"] != "is-instance"]
        return self.of(telling[0] if telling else steps[-1])

    def collection(self, node: Node) -> Strategy | None:
        """Return lists, sets and the like."""
        make = _COLLECTIONS[node["type"]]
        inner = node.get("items_schema", {"type": "any"})
        items = ANY_SCALAR if inner["type"] == "any" and make in (set, frozenset) else self.of(inner)  # hashable
        if items is None:
            return None if node.get("min_length") else st.builds(make)
        low, high = _sizes(node)
        if make in (list, deque):
            return st.lists(items, min_size=low, max_size=high).map(make)
        return st.sets(items, min_size=low, max_size=high).map(make)

    def mapping(self, node: Node) -> Strategy | None:
        """Return dicts."""
        inner = node.get("keys_schema", {"type": "any"})
        keys = st.text() if inner["type"] == "any" else self.of(inner)
        values = self.of(node["values_schema"]) if "values_schema" in node else ANY_JSON
        if keys is None or values is None:
            return None if node.get("min_length") else st.builds(dict)
        low, high = _sizes(node)
        return st.dictionaries(keys, values, min_size=low, max_size=high)

    def sequence(self, node: Node) -> Strategy | None:
        """Return tuples, of so many items or of any number."""
        items = [self.of(item) for item in node["items_schema"]]
        if node.get("variadic_item_index") is None:
            each = [item for item in items if item is not None]
            return st.tuples(*each) if len(each) == len(items) else None
        low, high = _sizes(node)
        if items[0] is None:
            return None if low else st.just(())
        return st.lists(items[0], min_size=low, max_size=high).map(tuple)

    def fields(self, node: Node) -> Strategy | None:
        """Return what a class or a TypedDict is made from; what has a default may be missing."""
        given = node["arguments_schema"] if node["type"] == "arguments" else node["fields"]
        named = given if isinstance(given, Mapping) else {field["name"]: field for field in given}
        required: dict[str, Strategy] = {}
        optional: dict[str, Strategy] = {}
        for name, field in named.items():
            found, may_miss = self.of(field["schema"]), _may_miss(node, field)
            if found is not None:
                (optional if may_miss else required)[name] = found
            elif not may_miss:
                return None
        return st.fixed_dictionaries(required, optional=optional)

    def instance(self, node: Node) -> Strategy | None:
        """Return instances of a class with fields, as validation makes them."""
        cls = node["function"] if node["type"] == "call" else node["cls"]
        if node["type"] == "named-tuple":
            given = self.fields(node)
        else:
            given = self.of(node["arguments_schema" if node["type"] == "call" else "schema"])
        if given is None:
            return None
        if not issubclass(cls, BaseModel):
            return validated(given, partial(TypeAdapter[Any](cls).validate_python, **BY_NAME))
        if not cls.__pydantic_complete__:  # such as Page["Line"]: only what is around it knows what Line is
            return given
        return validated(given, partial(cls.model_validate, **BY_NAME))


def validated(given: Strategy, validate: Callable[[Any], Any]) -> Strategy:
    """Return what validation makes of values; what it refuses is drawn again."""

    def attempt(value: Any) -> Any:
        try:
            return validate(value)
        except ValidationError:
            return _REJECTED

    return given.map(attempt).filter(lambda value: value is not _REJECTED)


_MAKERS: Final[dict[str, Callable[[Shapes, Node], Strategy | None]]] = {
    "any": lambda shapes, node: ANY_JSON,
    "definitions": Shapes.within_definitions,
    "definition-ref": Shapes.referred,
    "nullable": Shapes.nullable,
    "union": Shapes.union,
    "tagged-union": Shapes.union,
    "chain": Shapes.chain,
    "list": Shapes.collection,
    "deque": Shapes.collection,
    "set": Shapes.collection,
    "frozenset": Shapes.collection,
    "tuple": Shapes.sequence,
    **dict.fromkeys(("dict", "ordered-dict", "frozendict", "counter"), Shapes.mapping),
    "model-fields": Shapes.fields,
    "typed-dict": Shapes.fields,
    "dataclass-args": Shapes.fields,
    "model": Shapes.instance,
    "dataclass": Shapes.instance,
    "named-tuple": Shapes.instance,
    "arguments": Shapes.fields,
    "call": Shapes.instance,
}
"""What makes the strategy for each type of node that is around others, or may be."""


def _either(choices: Iterable[Strategy | None]) -> Strategy | None:
    possible = [choice for choice in choices if choice is not None]
    return st.one_of(possible) if possible else None


def _sizes(node: Node) -> tuple[int, int]:
    """Return how many items a collection has at least and at most."""
    low = node.get("min_length") or 0
    return low, min(node.get("max_length", low + _MORE), low + _MORE)


def _may_miss(node: Node, field: Node) -> bool:
    """Tell whether a field may be left out."""
    if node["type"] == "typed-dict":
        return not field.get("required", node.get("total", True))
    schema = field["schema"]
    while schema["type"].startswith("function-") and "schema" in schema:
        schema = schema["schema"]
    return bool(schema["type"] == "default")
