"""The Pydantic schema form: from a module's classes to declarations.

Owns what a `SessionModel` or `ValueModel` may have. Both are compiled, so whatever the generated class would not do as
well, validators for example, is refused with the reason.
"""

import inspect
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, Final, cast

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mcp_sessiongen.declarations import (
    CONSTRAINTS,
    Declarations,
    Default,
    FieldDeclaration,
    Located,
    ModelDeclaration,
    SessionDeclaration,
)
from mcp_sessiongen.diagnostics import Report, fatal
from mcp_sessiongen.load.positions import Positions
from mcp_sessiongen.load.pydantic_types import TypeProblem, TypeReader, attribute, derives_from, is_class
from mcp_sessiongen.load.python_import import import_target, shown, source_of
from mcp_sessiongen.load.targets import Target
from mcp_sessiongen.names import did_you_mean, snake_case
from mcp_sessiongen.safe_text import safe_repr

_PLAIN_HINT: Final = "keep such a class a plain BaseModel in a module of its own: it is then imported, not compiled"
_DECORATORS: Final = {
    "validators": "validator",
    "field_validators": "field validator",
    "root_validators": "root validator",
    "model_validators": "model validator",
    "field_serializers": "field serializer",
    "model_serializers": "model serializer",
    "computed_fields": "computed field",
}
_REFUSED_ARGUMENTS: Final = (
    "alias",
    "validation_alias",
    "serialization_alias",
    "exclude",
    "discriminator",
    "deprecated",
)
_EMPTY_FACTORIES: Final = (list, dict, set, frozenset)


def load_pydantic(target: Target, output: Path, report: Report) -> Declarations:
    """Read the schemas of a Python module.

    Args:
        target: The module or file, and perhaps a class in it.
        output: The folder for generated modules.
        report: Takes all findings that do not make the rest unreadable.

    Raises:
        SchemaErrors: If the module cannot be imported or has no such class.
    """
    module = import_target(target, output)
    return _Reader(target, module, report).read()


class _Reader:
    def __init__(self, target: Target, module: ModuleType, report: Report) -> None:
        self.target = target
        self.module = module
        self.report = report
        file = getattr(module, "__file__", None) or ""
        source = source_of(target.given if target.kind == "file" or not file else shown(file))
        self.positions = Positions(source, file)
        self.types = TypeReader()

    def read(self) -> Declarations:
        sessions = [self.session(kind) for kind in self.session_classes()]
        models: dict[str, ModelDeclaration] = {}
        # Reading one may bring in others: those that it uses.
        while waiting := [kind for name, kind in self.types.value_types.items() if name not in models]:
            for kind in waiting:
                models[kind.__name__] = self.model(kind)
        written = {name: models[name] for name in self.written_order(models)}
        return Declarations(self.positions.main, tuple(written.values()), tuple(sessions), self.types.classes)

    def session_classes(self) -> list[type[BaseModel]]:
        if self.target.attribute:
            return [self.chosen_class()]
        classes = [value for value in vars(self.module).values() if is_class(value)]
        own = [kind for kind in classes if attribute(kind, "__module__") == self.module.__name__]
        for kind in dict.fromkeys(own):
            if derives_from(kind, "ValueModel") and not derives_from(kind, "SessionModel"):
                self.types.value_type(kind)
        found = dict.fromkeys(kind for kind in own if derives_from(kind, "SessionModel"))
        if not found:
            hint = "derive a class from mcp_sessions.SessionModel, or name a model:  module:Class"
            raise fatal(self.positions.main.span(), "empty-schema", "the module has no SessionModel", hint)
        return list(found)

    def chosen_class(self) -> type[BaseModel]:
        found: object = self.module
        for part in self.target.attribute.split("."):
            inside = vars(found) if is_class(found) or found is self.module else {}
            names = [name for name, value in inside.items() if is_class(value)]
            found = inside.get(part)
            if found is None:
                message = f"no class {part!r} in {self.target.given}"
                hint = did_you_mean(part, names) or "check the name after the colon"
                raise fatal(self.positions.main.span(), "not-a-schema", message, hint)
        if is_class(found) and BaseModel in attribute(found, "__mro__") and not _is_a_base(found):
            return cast("type[BaseModel]", found)
        message = f"{self.target.attribute!r} is not a Pydantic model"
        raise fatal(self.positions.main.span(), "not-a-schema", message, "name a class that derives from SessionModel")

    def written_order(self, models: dict[str, ModelDeclaration]) -> list[str]:
        """Return the names of the value types as they stand in the module; others come before, as they were met."""
        classes = [value for value in vars(self.module).values() if is_class(value)]
        order = {attribute(kind, "__name__"): index for index, kind in enumerate(classes)}
        return sorted(models, key=lambda name: order.get(name, -1))

    def session(self, kind: type[BaseModel]) -> SessionDeclaration:
        options = dict(getattr(kind, "__sessiongen__", {}))
        name = options.pop("name", None)
        written = isinstance(name, str)
        if name is not None and not written:
            span = self.positions.of_option(kind, "name")
            self.report.error(
                span, "bad-value", f"name should be text, got {safe_repr(name)}", "write the session's name"
            )
        return SessionDeclaration(
            name=Located(
                name if isinstance(name, str) else snake_case(kind.__name__),
                self.positions.of_option(kind, "name") if written else self.positions.of_class(kind),
            ),
            keys=tuple(self.fields(kind)),
            options={
                option: Located(_duration_text(value), self.positions.of_option(kind, option))
                for option, value in options.items()
            },
            doc=_doc_of(kind),
        )

    def model(self, kind: type[BaseModel]) -> ModelDeclaration:
        for base in kind.__mro__[1:]:
            if derives_from(base, "ValueModel"):
                message = f"{kind.__name__} derives from {base.__name__}; value types are compiled without their bases"
                self.report.error(
                    self.positions.of_class(kind), "unsupported", message, "write the fields in both classes"
                )
                break
        for name, member in vars(kind).items():
            if not name.startswith("__") and isinstance(member, _METHODS):
                message = f"the method {name} of {kind.__name__} would be missing in the generated class"
                self.report.error(self.positions.of_member(kind, name), "unsupported", message, _PLAIN_HINT)
        return ModelDeclaration(
            Located(kind.__name__, self.positions.of_class(kind)), tuple(self.fields(kind)), _doc_of(kind)
        )

    def fields(self, kind: type[BaseModel]) -> Iterator[FieldDeclaration]:
        self.refuse_machinery(kind)
        for name, info in kind.model_fields.items():
            yield self.field(kind, name, info)

    def field(self, kind: type[BaseModel], name: str, info: FieldInfo) -> FieldDeclaration:
        span = self.positions.of_member(kind, name)
        refused = [argument for argument in _REFUSED_ARGUMENTS if getattr(info, argument, None) is not None]
        if refused:
            hint = "remove it; values are stored and read by the name of the key"
            self.report.error(span, "unsupported", f"{refused[0]} of {name} is not supported by this version", hint)
        located = None
        try:
            located = Located(self.types.read(info.annotation), self.positions.of_annotation(kind, name))
        except TypeProblem as problem:
            self.report.error(self.positions.of_annotation(kind, name), problem.code, problem.message, problem.hint)
        return FieldDeclaration(
            name=Located(name, span),
            type=located,
            default=self.default(kind, name, info),
            constraints=tuple(self.constraints(kind, name, info)),
            doc=inspect.cleandoc(info.description or ""),
        )

    def default(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Default | None:
        span = self.positions.of_default(kind, name)
        if info.default_factory is not None:
            if info.default_factory in _EMPTY_FACTORIES:
                return Default(info.default_factory(), "python", span)
            message = f"the default_factory of {name} would have to run in the generated module"
            hint = "write the default itself, or leave it out and handle None"
            self.report.error(span, "unsupported", message, hint)
            return None
        return None if info.default is PydanticUndefined else Default(info.default, "python", span)

    def constraints(self, kind: type[BaseModel], name: str, info: FieldInfo) -> Iterator[tuple[str, Located[object]]]:
        span = self.positions.of_annotation(kind, name)
        for item in _flattened(info.metadata):
            found = {option: value for option, value in _attributes(item).items() if value is not None}
            unknown = [option for option in found if option not in CONSTRAINTS]
            if unknown or not found:
                what = ", ".join(unknown) or type(item).__name__
                hint = f"supported are {', '.join(CONSTRAINTS)}"
                self.report.error(span, "unsupported", f"{what} of {name} cannot be compiled", hint)
            for option, value in found.items():
                if option in CONSTRAINTS:
                    yield option, Located(value, span)

    def refuse_machinery(self, kind: type[BaseModel]) -> None:
        """Report what a model has besides fields."""
        decorators = kind.__pydantic_decorators__
        for group, what in _DECORATORS.items():
            for name in getattr(decorators, group):
                message = f"{what} {name} of {kind.__name__} cannot be compiled"
                self.report.error(self.positions.of_member(kind, name), "unsupported", message, _PLAIN_HINT)
        for name in kind.__private_attributes__:
            message = f"private attribute {name} of {kind.__name__} is not stored, so it cannot be compiled"
            self.report.error(
                self.positions.of_member(kind, name), "unsupported", message, "remove it, or make it a key"
            )
        base = next((ancestor for ancestor in kind.__mro__ if ancestor.__module__ == "mcp_sessions.schema"), BaseModel)
        inherited = getattr(base, "model_config", {})
        changed = [option for option, value in kind.model_config.items() if inherited.get(option) != value]
        if changed:
            message = f"model_config of {kind.__name__} changes {', '.join(changed)}, which cannot be compiled"
            self.report.error(self.positions.of_member(kind, "model_config"), "unsupported", message, _PLAIN_HINT)
        if kind.__pydantic_generic_metadata__["parameters"]:
            message = f"{kind.__name__} is generic, which is not supported by this version"
            self.report.error(
                self.positions.of_class(kind), "unsupported", message, "write the types that it is used with"
            )


_METHODS: Final = (type(lambda: None), classmethod, staticmethod, property)


def _is_a_base(kind: type) -> bool:
    """Tell whether a class is one to derive from: it belongs to Pydantic or the runtime."""
    return str(attribute(kind, "__module__")).partition(".")[0] in ("pydantic", "mcp_sessions")


def _doc_of(kind: type) -> str:
    """Return a class's own docstring; an inherited one says nothing about it."""
    return inspect.cleandoc(vars(kind).get("__doc__") or "")


def _duration_text(value: object) -> object:
    """Return a timedelta as the text that means the same."""
    return f"{value.total_seconds():f}s" if isinstance(value, timedelta) else value


def _flattened(metadata: list[Any]) -> Iterator[Any]:
    for item in metadata:
        if isinstance(item, annotated_types.GroupedMetadata):
            yield from item
        else:
            yield item


def _attributes(item: object) -> dict[str, object]:
    """Return what a constraint object says; all of Pydantic's and annotated_types' have plain attributes."""
    names = getattr(item, "__slots__", None) or getattr(item, "__dataclass_fields__", None)
    if names:
        return {name: getattr(item, name) for name in names if hasattr(item, name)}
    return dict(vars(item)) if hasattr(item, "__dict__") else {}
