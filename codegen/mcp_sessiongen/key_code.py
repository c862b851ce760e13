"""One key of a session in Python: its definition, its line in the state model, and its methods."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from mcp_sessiongen import ir
from mcp_sessiongen.accessors import Method, call, field_line, method, seconds_lit, signature
from mcp_sessiongen.layout import Alternatives, Expression, Group, Sentence, assigned, flat, laid_out, parenthesised
from mcp_sessiongen.python_text import WIDTH, Code, lit
from mcp_sessiongen.spelling import Speller
from mcp_sessiongen.type_parts import bare, parts_of, union_of, without_none
from mcp_sessiongen.type_rules import json_forms
from mcp_sessiongen.value_types import is_narrowed

_METHOD: Final = 4


@dataclass(frozen=True)
class KeyNames:
    """What the things that belong to a key are called in generated code; all vetted.

    Attributes:
        key: The key itself.
        constant: The private constant that holds it.
        aliases: Parts of its type that have a name.
    """

    key: Code
    constant: Code
    aliases: Mapping[ir.Type, Code]


class KeyCode:
    """One key of a session in Python.

    Attributes:
        stored: The type that is stored (`T`).
        read: The type that reading gives (`D`): that of the default, or None.
    """

    def __init__(self, key: ir.Field, names: KeyNames, model: ir.Imported | None, speller: Speller) -> None:
        self.key = key
        self.name = names.key
        self.constant = names.constant
        self.aliases = names.aliases
        self.model = model
        plain = bare(key.type)
        self.plain = plain
        self.kind = _kind_of(plain)
        self.speller = speller
        self.type = speller.type(plain, self.aliases)
        self.stored = flat(self.type)
        self.or_none = self.spelt(union_of((plain, ir.NONE)))
        self.read_type = plain if key.default is not None else union_of((plain, ir.NONE))
        self.read = self.spelt(self.read_type)

    # --- outside of the class --------------------------------------------------------------------------------------

    def alias_lines(self) -> list[Code]:
        """Return the definitions of the names that parts of the type have."""
        lines = []
        for part, alias in self.aliases.items():
            spelt = self.speller.type(part)
            before = f"{alias}: TypeAlias = "
            lines.append(laid_out(before, parenthesised(spelt, WIDTH - len(before))))
        return lines

    def annotation(self) -> Expression:
        """Return the type with all constraints."""
        return self.speller.constrained(self.key.constraints, self.speller.type(self.key.type, self.aliases))

    def state_line(self) -> Code:
        """Return the field of the state model; of a secret one, printing the state does not show the value."""
        kind = self.annotation()
        if self.key.default is None and self.or_none != self.stored:
            kind = Alternatives((kind, Code("None")))
        if self.key.secret:
            kind = self.speller.unprinted(kind)
        if isinstance(self.key.default, ir.OfModel):
            return field_line(self.name, kind, None)
        if self.key.default is not None:
            return field_line(self.name, kind, self.speller.default(self.key.default, self.plain, self.aliases))
        return field_line(self.name, kind, Code("None"))

    def constant_line(self) -> Code:
        """Return the definition of the key."""
        self.speller.imports.use("mcp_sessions", self.kind)
        parameters: list[Expression] = [
            self.speller.type(part, self.aliases) for part in _parameters(self.plain, self.kind)
        ]
        # Checkers would infer it, but too narrowly for a literal, a union or a tuple.
        guessed = self.plain if self.key.default is not None else without_none(self.plain)
        if self.read != self.stored or is_narrowed(guessed):
            parameters.append(self.speller.type(self.read_type, self.aliases))
        before, annotation = self.value_annotation()
        arguments = self.arguments(annotation)
        key = Group(Code(self.kind), tuple(parameters), "[]")
        call = Group(key, tuple(argument for _, argument in arguments), labels=tuple(label for label, _ in arguments))
        return Code(before + assigned(f"{self.constant}: Final = ", call))

    def value_annotation(self) -> tuple[Code, Expression]:
        """Return the type as an argument, and a line that it needs: to checkers `Annotated` is no value with `|`."""
        is_union = isinstance(self.key.type, ir.Union) and not self.key.constraints
        if not is_union or not any(isinstance(part, ir.Constrained) for part in parts_of(self.key.type)):
            return Code(""), self.annotation()
        alias = Code(f"{self.constant}__TYPE")
        line = f"{alias}: TypeAlias = "
        return Code(laid_out(line, parenthesised(self.annotation(), WIDTH - len(line))) + "\n"), alias

    def arguments(self, annotation: Expression) -> list[tuple[str, Expression]]:
        """Return what the key is made with, each with its label."""
        key = self.key
        found: list[tuple[str, Expression]] = [("", lit(self.name))]
        if self.model:
            found.append(("model=", self.speller.type(self.model)))
        else:
            found.append(("", annotation))
            if key.default is not None:
                found.append(("default=", self.default(key.default)))
        if key.ttl is not None:
            found.append(("ttl=", seconds_lit(key.ttl)))
        if key.create:
            found.append(("create=", lit(key.create)))
            if key.doc:
                found.append(("doc=", Sentence(key.doc)))
        if key.secret:
            found.append(("secret=", lit(True)))
        return found

    def default(self, value: ir.Value) -> Expression:
        """Return the default; a frozenset names its type, which pyright would take too widely for Literals."""
        spelt = self.speller.default(value, self.plain, self.aliases)
        is_set = isinstance(self.plain, ir.Array) and self.plain.kind == "frozenset"
        return replace(spelt, head=self.type) if is_set and isinstance(spelt, Group) else spelt

    def decorators(self) -> tuple[Code, ...]:
        """Return the decorators of the key's methods."""
        if not self.key.deprecated:
            return ()
        self.speller.imports.use("typing_extensions", "deprecated")
        return (laid_out("@", Group(Code("deprecated"), (Sentence(self.key.deprecated, alone=True),)), indent=_METHOD),)

    # --- methods ---------------------------------------------------------------------------------------------------

    def methods(self) -> list[Method]:
        """Return the methods of this key."""
        decorators = self.decorators()
        return [replace(made, decorators=decorators) for made in (*self.common_methods(), *self.special_methods())]

    def common_methods(self) -> list[Method]:
        """Return the methods that every key has."""
        key, constant, tick = self.name, self.constant, f"``{self.name}``"
        self.speller.imports.use("collections.abc", "Callable")
        set_docs = [f"Write {tick}.", "Write the key."]
        has_docs = [f"Tell whether {tick} is set.", "Tell whether it is set."]
        remove_docs = [f"Unset {tick}; False when it was not set.", "Unset it; False when it was not set."]
        take_docs = [
            f"Read and unset {tick} at once; None when it was not set.",
            "Read and unset it at once; None when it was not set.",
        ]
        update_docs = [
            f"Replace {tick} by ``fn`` of it, atomically; ``fn`` may run again.",
            "Replace it by ``fn`` of it, atomically; ``fn`` may run again.",
        ]
        update = f"fn: Callable[[{self.read}], {self.stored}]"
        return [
            method(signature(Code(f"get_{key}"), [], self.read), self.get_docs(), call("_get", constant), self.key.doc),
            method(
                signature(Code(f"set_{key}"), [f"value: {self.stored}"], "None"),
                set_docs,
                call("_set", constant, "value"),
                gives=False,
            ),
            method(signature(Code(f"has_{key}"), [], "bool"), has_docs, call("_has", constant)),
            method(signature(Code(f"remove_{key}"), [], "bool"), remove_docs, call("_remove", constant)),
            method(
                signature(Code(f"take_{key}"), [], self.or_none),
                take_docs,
                call("_take", constant),
            ),
            method(
                signature(Code(f"update_{key}"), [update], self.stored), update_docs, call("_update", constant, "fn")
            ),
        ]

    def get_docs(self) -> list[str]:
        """Return summaries for the getter, the best first; what is mutable is a copy, and that is said."""
        tick = f"``{self.name}``"
        if _is_mutable(self.plain):
            best = [f"Read {tick}; a copy: change it with the methods below.", f"Read {tick}; a copy."]
        elif self.key.default is None:
            best = [f"Read {tick}; None when it is not set."]
        else:
            best = []
        return [*best, f"Read {tick}.", "Read the key."]

    def special_methods(self) -> list[Method]:
        """Return the methods that only this kind of key has."""
        match self.kind, self.plain:
            case "NumberKey", ir.Scalar(name=number):
                return [self.increment(number)]
            case "ListKey", ir.Array(item=item):
                return [self.append(item)]
            case "DictKey", ir.Table(key=entry, value=value):
                return [self.put(entry, value), self.pop(entry, value)]
            case _:
                return []

    def increment(self, number: str) -> Method:
        """Return the method that adds to a number."""
        key, tick = self.name, f"``{self.name}``"
        by = {"int": "by: int = 1", "float": "by: float = 1.0"}.get(number, f"by: {self.stored} | int = 1")
        amount = Code("by") if number in ("int", "float") else Group(self.stored, (Code("by"),))
        docs = [f"Add ``by`` to {tick}, atomically, and return the sum.", f"Add ``by`` to {tick}.", "Add ``by``."]
        return method(
            signature(Code(f"increment_{key}"), [by], self.stored), docs, call("_increment", self.constant, amount)
        )

    def append(self, item: ir.Type) -> Method:
        """Return the method that adds to a list."""
        key, tick = self.name, f"``{self.name}``"
        head = signature(Code(f"append_{key}"), [f"*items: {self.spelt(item)}"], "None")
        docs = [f"Add ``items`` at the end of {tick}, atomically.", f"Add ``items`` to {tick}.", "Add items."]
        return method(head, docs, call("_append", self.constant, "items"), gives=False)

    def put(self, entry: ir.Type, value: ir.Type) -> Method:
        """Return the method that sets an entry of a dict."""
        key, tick = self.name, f"``{self.name}``"
        head = signature(Code(f"put_{key}"), [f"key: {self.spelt(entry)}", f"value: {self.spelt(value)}"], "None")
        docs = [f"Set one entry of {tick}, atomically.", "Set one entry, atomically."]
        return method(head, docs, call("_put", self.constant, "key", "value"), gives=False)

    def pop(self, entry: ir.Type, value: ir.Type) -> Method:
        """Return the method that takes an entry out of a dict."""
        key, tick = self.name, f"``{self.name}``"
        head = signature(Code(f"pop_{key}"), [f"key: {self.spelt(entry)}"], self.spelt(union_of((value, ir.NONE))))
        docs = [
            f"Remove one entry of {tick}, atomically; return it, or None.",
            f"Remove and return one entry of {tick}.",
            "Remove and return one entry.",
        ]
        return method(head, docs, call("_pop", self.constant, "key"))

    def spelt(self, kind: ir.Type) -> Code:
        """Return a part of the key's type on one line."""
        return flat(self.speller.type(kind, self.aliases))


def _kind_of(kind: ir.Type) -> str:
    match kind:
        case ir.Scalar(name="int" | "float" | "Decimal"):
            return "NumberKey"
        case ir.Array(kind="list"):
            return "ListKey"
        case ir.Table():
            return "DictKey"
        case _:
            return "Key"


def _parameters(kind: ir.Type, key: str) -> tuple[ir.Type, ...]:
    match key, kind:
        case "ListKey", ir.Array(item=item):
            return (item,)
        case "DictKey", ir.Table(key=entry, value=value):
            return (entry, value)
        case _:
            return (kind,)


def _is_mutable(kind: ir.Type) -> bool:
    """Tell whether values may be changed in place: those that are arrays or objects in JSON, but for a few of ours."""
    match kind:
        case ir.Tuple() | ir.Array(kind="frozenset"):
            return False
        case ir.Union(members=members):
            return any(map(_is_mutable, members))
        case _:
            return not json_forms(kind).isdisjoint(("an array", "an object"))
