"""Whether values within one set of constraints are within another. When unsure, they are not."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.values import constant

Constraints: TypeAlias = tuple[tuple[str, ir.Value], ...]

_NO_LIMITS: Final = frozenset({"strict", "coerce_numbers_to_str", "fail_fast", "discriminator", "allow_inf_nan"})
"""Constraints that refuse nothing which was written with the same type; but see `allow_inf_nan`."""

_FINITE: Final = frozenset({"Decimal"})
"""Numbers that are finite unless `allow_inf_nan` says otherwise."""

_SAFE_INT: Final = 2**53


def violated(name: str, writer: Constraints, reader: Constraints) -> Iterator[str]:
    """Return the names of the reader's constraints that values of the writer may violate.

    Args:
        name: The scalar that both have, if it is one.
        writer: The constraints that the values are within, in any order; a name may be there twice.
        reader: Those that they meet.
    """
    for constraint, value in reader:
        if constraint not in _NO_LIMITS and not _is_implied(constraint, constant(value), name, writer):
            yield constraint
    if name in ("float", "Decimal") and _allows_infinity(name, writer) and not _allows_infinity(name, reader):
        yield "allow_inf_nan"
    if _whole_digits(writer) > _whole_digits(reader):
        yield "max_digits"


def fits_float(writer: Constraints) -> bool:
    """Tell whether whole numbers within constraints are all floats too."""
    return all(_is_implied(name, limit, "int", writer) for name, limit in (("ge", -_SAFE_INT), ("le", _SAFE_INT)))


def is_float(value: int) -> bool:
    """Tell whether a whole number is a float too."""
    return abs(value) <= _SAFE_INT


def _allows_infinity(name: str, constraints: Constraints) -> bool:
    told = [constant(value) for constraint, value in constraints if constraint == "allow_inf_nan"]
    return all(told) if told else name not in _FINITE


def _whole_digits(constraints: Constraints) -> float:
    """Return how many digits there may be before the point."""
    told = {name: constant(value) for name, value in constraints}
    return told["max_digits"] - told.get("decimal_places", 0) if "max_digits" in told else float("inf")


def _is_implied(name: str, limit: Any, scalar: str, writer: Constraints) -> bool:
    known = [(other, constant(value)) for other, value in writer]
    if (name, limit) in known:
        return True
    try:
        return any(_IMPLIES[name](other, value, limit, scalar) for other, value in known if name in _IMPLIES)
    except TypeError:  # times with and without a zone are not compared
        return False


def _lower(name: str, value: Any, limit: Any, scalar: str) -> bool:
    return (name == "ge" and value >= limit) or (name == "gt" and _next(value, scalar, 1) >= limit)


def _above(name: str, value: Any, limit: Any, scalar: str) -> bool:
    return (name == "gt" and value >= limit) or (name in ("gt", "ge") and _next(value, scalar, name == "gt") > limit)


def _upper(name: str, value: Any, limit: Any, scalar: str) -> bool:
    return (name == "le" and value <= limit) or (name == "lt" and _next(value, scalar, -1) <= limit)


def _below(name: str, value: Any, limit: Any, scalar: str) -> bool:
    return (name == "lt" and value <= limit) or (name in ("lt", "le") and _next(value, scalar, -(name == "lt")) < limit)


def _next(value: Any, scalar: str, step: int) -> Any:
    """Return the nearest number on one side of a bound; of what has no next number, the bound."""
    return value + step if scalar == "int" else value


def _step(name: str, value: Any, limit: Any, scalar: str) -> bool:
    return name == "multiple_of" and scalar == "int" and limit > 0 and value % limit == 0


def _at_most(wanted: str) -> Callable[[str, Any, Any, str], bool]:
    return lambda name, value, limit, _: name == wanted and value <= limit


_IMPLIES: Final[dict[str, Callable[[str, Any, Any, str], bool]]] = {
    "ge": _lower,
    "gt": _above,
    "le": _upper,
    "lt": _below,
    "multiple_of": _step,
    "min_length": lambda name, value, limit, _: name == "min_length" and value >= limit,
    "max_length": _at_most("max_length"),
    "max_digits": _at_most("max_digits"),
    "decimal_places": _at_most("decimal_places"),
}


def limiting(constraints: Iterable[tuple[str, ir.Value]]) -> Constraints:
    """Return the constraints that refuse values of a type."""
    return tuple((name, value) for name, value in constraints if name not in _NO_LIMITS)
