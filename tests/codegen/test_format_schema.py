"""The JSON Schema of the YAML format: it is what the code says, and accepts what the compiler accepts."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

import mcp_sessiongen
from mcp_sessiongen.diagnostics import Report, SchemaErrors
from mcp_sessiongen.format_schema import format_schema, format_schema_text
from mcp_sessiongen.load import yaml_shape
from mcp_sessiongen.load.yaml_nodes import decode, parse
from mcp_sessiongen.load.yaml_reading import data
from mcp_sessiongen.load.yaml_shape import Shape

SHIPPED = Path(mcp_sessiongen.__file__).with_name("session-schema.json")
GOLDEN = Path(__file__).parent / "golden"
COMPILED = sorted(path for path in GOLDEN.glob("*/*.yaml") if (path.parent / "expected").exists())
SHAPES = [value for value in vars(yaml_shape).values() if isinstance(value, Shape)]
VALIDATOR = Draft202012Validator(format_schema())


def read(path: Path) -> Any:
    return data(parse(decode(path.name, path.read_bytes()), Report()))


def session(**properties: Any) -> Any:
    return {"sessiongen": 1, "sessions": {"cart": {"keys": {"a": "int"}, **properties}}}


def key(**properties: Any) -> Any:
    return session(keys={"a": {"type": "int", **properties}})


def types(**declared: Any) -> Any:
    return {**session(), "types": declared}


def refused() -> list[Path]:
    """The golden cases in which the shape of a file is wrong."""
    found = []
    for path in sorted(GOLDEN.glob("error-*/schema.yaml")):
        codes = set(re.findall(r"error\[([a-z-]+)\]", path.with_name("stderr.txt").read_text()))
        if codes & {"unknown-property", "missing-property", "bad-value"}:
            found.append(path)
    return found


def test_the_shipped_file_is_what_the_code_says(update_golden: bool) -> None:
    if update_golden:
        SHIPPED.write_text(format_schema_text(), encoding="utf-8")
    assert SHIPPED.read_text(encoding="utf-8") == format_schema_text()


def test_it_is_a_json_schema_with_no_reference_to_elsewhere() -> None:
    Draft202012Validator.check_schema(format_schema())
    assert "$id" not in format_schema()
    assert all(
        reference.startswith("#/$defs/") for reference in re.findall(r'"\$ref": "([^"]*)"', format_schema_text())
    )


def test_everything_is_described_and_shown_by_an_example() -> None:
    def properties(node: Any) -> Iterator[Any]:
        if isinstance(node, dict):
            yield from node.get("properties", {}).values()
            for inner in node.values():
                yield from properties(inner)

    found = list(properties(format_schema()))
    assert len(found) > 50
    for known in found:
        assert re.fullmatch(r"[A-Z].*[.]", known["description"]), known
        assert known["examples"], known


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.parent.name)
def test_it_accepts_what_the_compiler_accepts(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(path))] == []


def test_it_accepts_the_example_schemas(repository: Path) -> None:
    for path in sorted((repository / "schemas").glob("*.yaml")):
        assert VALIDATOR.is_valid(read(path)), path


@pytest.mark.parametrize("path", refused(), ids=lambda path: path.parent.name)
def test_it_refuses_files_of_the_wrong_shape(path: Path) -> None:
    try:
        document = read(path)
    except SchemaErrors:
        pytest.skip("it is no YAML")
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {"sessiongen": 1},
        {"sessiongen": 2, "sessions": session()["sessions"]},
        {**session(), "session": {}},
        {"sessiongen": 1, "sessions": {}},
        {"sessiongen": 1, "sessions": {"Cart": {"keys": {"a": "int"}}}},
        session(keys={}),
        session(keys={"camelCase": "int"}),
        session(keys={"a": 5}),
        session(keys={"a": ""}),
        session(keys={"a": {}}),
        session(version=0),
        session(version="2"),
        session(scope="everywhere"),
        session(lifetime="30m"),
        session(lifetime={"idle": 30}),
        session(lifetime={"idle": "30 m"}),
        session(lifetime={"ttl": "30m"}),
        session(tools={"create": "makeCart"}),
        session(reserved="old"),
        session(reserved=["not a name"]),
        session(handle="Cart"),
        key(ttl=5),
        key(ttl="5"),
        key(create="maybe"),
        key(deprecated=True),
        key(renamed_from=["a"]),
        key(max_length=-1),
        key(pattern=5),
        key(allow_inf_nan="no"),
        key(maximum=5),
        types(item={"a": "int"}),
        types(Item={"doc": "x"}),
        types(Item={"fields": {"a": {"type": "int", "ttl": "5m"}}}),
        types(Item={"a": {"type": "int", "ttl": "5m"}}),
        types(Item="str"),
        types(Status={"enum": []}),
        types(Status={"enum": [1.5]}),
        types(Status={"enum": [{"name": "A"}]}),
        types(Status={"enum": [{"value": "a", "nam": "A"}]}),
        types(Status={"enum": ["a"], "fields": {}}),
        types(Item={"import": "app.models"}),
        types(Item={"import": "app:Item", "doc": "x"}),
    ],
    ids=repr,
)
def test_an_editor_shows_what_the_compiler_would_refuse(document: Any) -> None:
    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    "document",
    [
        session(reserved=["old", "older"], doc=None, scope="user", handle="basket", tools={"end": "stop"}),
        key(ttl="1h30m", create="required", renamed_from="oldName", deprecated="Use b."),
        key(ge="2020-01-01", le=5.5, default=None, doc=5),
        {**session(), "types": None},
        types(
            A={}, B={"fields": None}, C={"enum": {"a": None, "b": "B."}}, D={"enum": [1, {"value": 2, "name": "TWO"}]}
        ),
    ],
    ids=repr,
)
def test_an_editor_accepts_what_the_compiler_takes(document: Any) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_every_property_of_the_format_is_in_it() -> None:
    text = format_schema_text()
    for shape in SHAPES:
        assert shape.doc.removesuffix(".") in text
        for name in shape.properties:
            assert f'"{name}": {{' in text
