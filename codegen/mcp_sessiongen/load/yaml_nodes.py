"""YAML text to a small tree of nodes with positions.

Owns what is YAML: the events of libyaml, the scalars of the YAML 1.2 core schema (so `no` is text), the refusal of
everything by which two readers could see two documents (anchors, tags, merge keys, duplicate keys), and caps on size.
What the tree means is `yaml_schema`'s business.
"""

import re
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn, TypeAlias

import yaml

from mcp_sessiongen.diagnostics import Report, Source, Span, fatal
from mcp_sessiongen.load.yaml_syntax import syntax_error

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 32
MAX_NODES: Final = 50_000

# libyaml's parser is ten times faster. Only its events are used: its composer recurses in C and can overflow the stack.
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_INT: Final = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: Final[dict[str, bool | float | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff]")

ScalarValue: TypeAlias = str | int | float | bool | None


class ScalarNode(NamedTuple):
    """A scalar: its text, and its value by the core schema.

    Attributes:
        is_plain: Whether it is written without quotes and such.
    """

    span: Span
    text: str
    value: ScalarValue
    is_plain: bool

    def part(self, start: int, end: int) -> Span:
        """Return the span of a part of the text, as exactly as it can be told."""
        indent = 0 if self.is_plain else 1
        begin = self.span.column - 1 + indent
        if self.span.line_text[begin : begin + len(self.text)] != self.text:
            return self.span  # with escapes or several lines, columns do not correspond
        return self.span.part(indent + start, end - start)


class SequenceNode(NamedTuple):
    """A sequence."""

    span: Span
    items: tuple["Node", ...]


class MappingNode(NamedTuple):
    """A mapping; keys are scalars, each once."""

    span: Span
    entries: tuple[tuple[ScalarNode, "Node"], ...]


Node: TypeAlias = ScalarNode | SequenceNode | MappingNode


def decode(path: str, raw: bytes) -> Source:
    """Return the text of a schema file.

    Raises:
        SchemaErrors: If it is too large, not UTF-8, or has control characters.
    """
    if len(raw) > MAX_BYTES:
        hint = "split the schema into several files"
        raise fatal(Source(path).span(), "too-large", f"{len(raw)} bytes, at most {MAX_BYTES} are allowed", hint)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8", "replace")
        message = f"byte 0x{raw[error.start]:02x} is not UTF-8 text"
        raise fatal(_end_of(path, before), "not-utf8", message, "save the file as UTF-8") from None
    bad = _CONTROL.search(text)
    if bad:
        message = f"control character U+{ord(bad.group()):04X} in the text"
        span = _end_of(path, text[: bad.start()])
        raise fatal(span, "not-utf8", message, 'remove it; in a quoted text, write it as an escape: "\\u0007"')
    return Source(path, text)


def parse(source: Source, report: Report) -> Node:
    """Return the root node of a document.

    Raises:
        SchemaErrors: If the text is not one YAML document within the caps and the accepted part of YAML.
    """
    return _Builder(source, report).document()


def _end_of(path: str, text: str) -> Span:
    lines = Source(path, text).lines
    return Source(path, text).span(len(lines), len(lines[-1]) + 1)


class _Builder:
    def __init__(self, source: Source, report: Report) -> None:
        self.source = source
        self.report = report
        self.next: Callable[[], yaml.Event]
        self.count = 0

    def document(self) -> Node:
        try:
            self.next = _LOADER(self.source.text).get_event
            self.next()
            start = self.next()
            if isinstance(start, yaml.StreamEndEvent):
                hint = "begin with  sessiongen: 1  and declare a session under  sessions:"
                raise fatal(self.source.span(), "empty-schema", "the file is empty", hint)
            root = self.node(self.next(), 1)
            self.next()
            after = self.next()
            if not isinstance(after, yaml.StreamEndEvent):
                self.refuse(after, "a second document", "one file is one document; remove the line ---")
        except yaml.MarkedYAMLError as error:
            raise syntax_error(self.source, error) from None
        except yaml.YAMLError as error:
            raise fatal(self.source.span(), "yaml-syntax", f"not valid YAML: {error}", "see yaml.org") from None
        return root

    def node(self, event: yaml.Event, depth: int) -> Node:
        self.count += 1
        if depth > MAX_DEPTH:
            raise fatal(self.span(event), "too-large", f"nested deeper than {MAX_DEPTH} levels", "flatten the schema")
        if self.count > MAX_NODES:
            raise fatal(
                self.span(event), "too-large", f"more than {MAX_NODES} nodes", "split the schema into several files"
            )
        if isinstance(event, yaml.AliasEvent):
            self.refuse(event, f"the alias *{event.anchor}", "write the value again")
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)):
            if event.anchor:
                self.refuse(event, f"the anchor &{event.anchor}", "remove it, and write the value where it is needed")
            if event.tag:
                self.refuse(event, f"the tag {event.tag}", "remove it; a key's type says how its default is read")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(event, depth)
        return self.mapping(event, depth)

    def scalar(self, event: yaml.ScalarEvent) -> ScalarNode:
        is_plain = event.implicit[0] and not event.style
        value = core_value(event.value) if is_plain else event.value
        return ScalarNode(self.span(event), event.value, value, is_plain)

    def sequence(self, start: yaml.Event, depth: int) -> SequenceNode:
        items: list[Node] = []
        while not isinstance(event := self.next(), yaml.SequenceEndEvent):
            items.append(self.node(event, depth + 1))
        return SequenceNode(self.span(start), tuple(items))

    def mapping(self, start: yaml.Event, depth: int) -> MappingNode:
        entries: dict[str, tuple[ScalarNode, Node]] = {}
        while not isinstance(event := self.next(), yaml.MappingEndEvent):
            key = self.node(event, depth + 1)
            value = self.node(self.next(), depth + 1)
            if not isinstance(key, ScalarNode):
                self.refuse(event, "a key that is not a scalar", "keys are plain names")
            if key.text == "<<" and isinstance(event, yaml.ScalarEvent) and not event.style:
                self.refuse(event, "a merge key", "write the entries again")
            if key.text in entries:
                first = entries[key.text][0].span
                related = ((first, "first given here"),)
                message = f"{key.text!r} is given twice"
                self.report.error(key.span, "duplicate-key", message, "remove one of them", related)
            entries.setdefault(key.text, (key, value))
        return MappingNode(self.span(start), tuple(entries.values()))

    def span(self, event: yaml.Event) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None:
            return self.source.span()
        line, column = start.line, start.column
        length = 1
        if line == end.line:
            length = end.column - column
        elif isinstance(event, yaml.ScalarEvent):
            length = len(self.source.lines[line].rstrip()) - column
        return Span(self.source, line + 1, column + 1, length if length > 1 else 1)

    def refuse(self, event: yaml.Event, what: str, hint: str) -> NoReturn:
        raise fatal(self.span(event), "unsupported", f"{what} is not accepted in a schema", hint)


def core_value(text: str) -> ScalarValue:
    """Return the value of a plain scalar by the core schema of YAML 1.2."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _INT.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text) and len(text) <= 300:
        return float(text)
    return text
