"""Whether servers of two versions of a session can use each other's stored data, at the same time."""

from mcp_sessiongen import ir
from mcp_sessiongen.breaking.subject import Pair, Schema


def get_along(before: ir.Module, old: ir.Session, after: ir.Module, new: ir.Session) -> bool:
    """Tell whether nothing has to be moved, and each version reads what the other writes.

    A key may go that was deprecated before, so that nothing needs it any more, and whose name is reserved now. Careful:
    what the user's own classes accept is not known, so sessions that are bound to one never do.

    Args:
        before: The older schema.
        old: The session in it.
        after: The newer schema.
        new: The session in that.
    """
    pair = Pair(Schema("", "", before), Schema("", "", after), old, new)
    unneeded = {key.name for key in old.keys if key.deprecated} & set(new.reserved)
    gone = pair.old_keys.keys() - pair.new_keys.keys() - unneeded
    if gone or old.scope != new.scope or old.model is not None or new.model is not None:
        return False
    return not any(
        pair.backward(key) or any(problem.kind != "default" for problem in pair.forward(key)) for _, key in pair.kept
    )
