"""An IR that was changed, or never was one, is refused with the place."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mcp_sessiongen import ir
from mcp_sessiongen.export.ir_json import BadIr, export_ir, load_ir

MODULE = ir.Module((), (ir.Session("cart", (ir.Field("a", ir.Scalar("int")),)),))


def changed(change: Callable[[Any], object]) -> str:
    content = json.loads(export_ir(MODULE))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("NaN", "NaN is not JSON"),
        ("{}", "it has no format"),
        (changed(lambda it: it.update(version=2)), "version 2 of the IR"),
        (changed(lambda it: it.update(module=None)), "module should be a module, got None"),
        (changed(lambda it: it["module"].update(color=1)), "module has no property 'color'"),
        (changed(lambda it: it["module"]["sessions"][0].pop("name")), "sessions[0] has no name"),
        (changed(lambda it: it["module"]["sessions"][0].update(name=5)), "sessions[0].name should be of type str"),
        (changed(lambda it: it["module"]["sessions"][0].update(scope="all")), "should be one of its words"),
        (changed(lambda it: it["module"]["sessions"][0].update(keys={})), "keys should be an array"),
        (changed(lambda it: it["module"]["sessions"][0].update(name="other")), "the digest is not that of the module"),
    ],
)
def test_what_is_no_ir_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadIr) as refusal:
        load_ir(text)
    assert message in str(refusal.value)
