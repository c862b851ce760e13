"""What type expressions ask for when they name a type that exists in Python already, as `module:Class`.

Who answers imports the user's modules; type expressions themselves import nothing.
"""

from typing import Protocol, TypeAlias

from mcp_sessiongen import ir
from mcp_sessiongen.diagnostics import Span

Related: TypeAlias = tuple[tuple[Span, str], ...]


class ImportProblem(Exception):
    """A `module:Class` that cannot be a type; without a code, because that was reported already."""

    def __init__(self, code: str, message: str, hint: str, related: Related = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.related = code, message, hint, related


class ExistingTypes(Protocol):
    """Looks up the types that exist in Python already."""

    def read(self, reference: str, arguments: tuple[ir.Type, ...]) -> ir.Type:
        """Return the type that is written `module:Class`, with the parameters it is used with.

        Raises:
            ImportProblem: If it cannot be one.
        """
        ...

    def check(self, reference: str) -> None:
        """Look up a type, which may need parameters.

        Raises:
            ImportProblem: If there is no such type.
        """
        ...
