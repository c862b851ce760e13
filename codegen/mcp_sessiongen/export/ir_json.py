"""The IR as a JSON text, and back.

The shape: an object with `format` ("mcp-sessiongen ir"), `version` (1), `digest` (as in the header of generated code)
and `module`. Each node of the IR is an object that says under "is" what it is, its class's name in small letters, and
leaves out what has its default; tuples are arrays. A node's properties are the attributes of the class in `ir`.
"""

import json
import types
import typing
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Final, Literal, NoReturn, cast, get_args, get_origin

from mcp_sessiongen import ir
from mcp_sessiongen.ir_dump import digest, dump
from mcp_sessiongen.safe_text import safe_repr

FORMAT: Final = "mcp-sessiongen ir"
VERSION: Final = 1

_NODES: Final[dict[str, type]] = {
    name.lower(): kind for name, kind in vars(ir).items() if is_dataclass(kind) and isinstance(kind, type)
}


class BadIr(ValueError):
    """A text that is not an IR; the message says where, and what is wrong there."""


def export_ir(module: ir.Module) -> str:
    """Return a module as JSON text; `load_ir` reads it."""
    content = {"format": FORMAT, "version": VERSION, "digest": digest(module), "module": dump(module)}
    return json_text(content)


def load_ir(text: str) -> ir.Module:
    """Return the module that a text of `export_ir` stands for.

    Raises:
        BadIr: If the text is not one, or was changed.
    """
    try:
        content = json.loads(text, parse_constant=_no_constant)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise BadIr(f"not an export of the IR: it has no format {FORMAT!r}")
        if content.get("version") != VERSION:
            raise BadIr(f"version {safe_repr(content.get('version'))} of the IR is not one that this release reads")
        module = cast("ir.Module", _node(content.get("module"), ir.Module, "module"))
    except BadIr:
        raise
    except (ValueError, RecursionError) as error:
        raise BadIr(f"not JSON: {error}") from None
    if content.get("digest") != digest(module):
        raise BadIr("the digest is not that of the module: one of them was changed")
    return module


def module_of(data: object) -> ir.Module:
    """Return the module that JSON data of `dump` stands for.

    Raises:
        BadIr: If the data is not that of a module.
    """
    try:
        return cast("ir.Module", _node(data, ir.Module, "module"))
    except RecursionError:
        raise BadIr("it is nested too deeply") from None


def json_text(content: object) -> str:
    """Return JSON for people: indented, and what does not print is escaped."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    # Outside of strings there is nothing but ASCII and line breaks, so whatever is replaced is in a string.
    return "".join(c if c == "\n" or c.isprintable() else json.dumps(c)[1:-1] for c in text) + "\n"


# --- reading, by the annotations of the classes --------------------------------------------------------------------


def _node(data: object, kind: type, where: str) -> object:
    if not isinstance(data, dict) or data.get("is") != kind.__name__.lower():
        _refuse(where, f"a {kind.__name__.lower()}", data)
    hints = _hints(kind)
    unknown = sorted(set(data) - {"is", *hints})
    if unknown:
        raise BadIr(f"{where} has no property {unknown[0]!r}")
    given = {name: _read(data[name], hint, f"{where}.{name}") for name, hint in hints.items() if name in data}
    missing = [item.name for item in fields(kind) if item.default is MISSING and item.name not in given]
    if missing:
        raise BadIr(f"{where} has no {missing[0]}")
    return kind(**given)


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind, vars(ir))


def _read(data: object, hint: Any, where: str) -> object:
    origin = get_origin(hint)
    if origin is tuple:
        return _array(data, get_args(hint), where)
    if origin in (typing.Union, types.UnionType):
        return _one_of(data, get_args(hint), where)
    if origin is Literal:
        return data if data in get_args(hint) and isinstance(data, str) else _refuse(where, "one of its words", data)
    if is_dataclass(hint) and isinstance(hint, type):
        return _node(data, hint, where)
    if hint is float and type(data) is int:
        return float(data)
    return data if type(data) is hint else _refuse(where, f"of type {hint.__name__}", data)


def _array(data: object, arguments: tuple[Any, ...], where: str) -> tuple[object, ...]:
    if not isinstance(data, list):
        _refuse(where, "an array", data)
    if arguments[-1] is Ellipsis:
        return tuple(_read(item, arguments[0], f"{where}[{index}]") for index, item in enumerate(data))
    if len(data) != len(arguments):
        _refuse(where, f"an array of {len(arguments)}", data)
    pairs = zip(data, arguments, strict=True)
    return tuple(_read(item, hint, f"{where}[{index}]") for index, (item, hint) in enumerate(pairs))


def _one_of(data: object, members: tuple[Any, ...], where: str) -> object:
    if isinstance(data, dict):
        kind = _NODES.get(str(data.get("is")))
        return _node(data, kind, where) if kind in members and kind else _refuse(where, "a node of the IR", data)
    if type(data) in members or (data is None and type(None) in members):
        return data
    if float in members and type(data) is int:
        return float(data)
    return _refuse(where, "a plain value", data)


def _refuse(where: str, expected: str, data: object) -> NoReturn:
    shown = safe_repr(data)
    raise BadIr(f"{where} should be {expected}, got {shown if len(shown) <= 60 else shown[:60] + '...'}")


def _no_constant(word: str) -> NoReturn:
    raise BadIr(f"{word} is not JSON")
