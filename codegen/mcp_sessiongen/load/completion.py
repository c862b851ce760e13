"""Models whose forward references are resolved late: what is never defined is told before generated code needs it."""

from pydantic import BaseModel, PydanticUndefinedAnnotation

from mcp_sessiongen.load.live import TypeProblem
from mcp_sessiongen.safe_text import safe_str


def complete(kind: type[BaseModel]) -> None:
    """Resolve what was written before it was defined, as far as that is possible."""
    try:
        kind.model_rebuild(raise_errors=False, _types_namespace={})
    except Exception:  # code of the user's may take part in it, and fields say best what is missing
        return


def require_complete(kind: type[BaseModel]) -> None:
    """Resolve what was written before it was defined.

    Raises:
        TypeProblem: If there is anything that is never defined, or cannot be used.
    """
    try:
        kind.model_rebuild(_types_namespace={})
    except PydanticUndefinedAnnotation as error:
        message = f"{kind.__name__} refers to {error.name!r}, which is defined nowhere"
        hint = "check the name; what is imported under  if TYPE_CHECKING  does not count"
        raise TypeProblem("unknown-type", message, hint) from None
    except Exception as error:  # code of the user's may take part in it
        summary = ": ".join([type(error).__name__, *safe_str(error).strip().splitlines()[:1]])
        message = f"{kind.__name__} cannot be completed: {summary}"
        raise TypeProblem("unsupported", message, "call its model_rebuild() where that works") from None
