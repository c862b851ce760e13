"""What generated code makes of a deprecated key works as any other, and warns whoever calls it."""

from typing import Literal

import pytest
from pydantic import BaseModel
from typing_extensions import deprecated

from mcp_sessions import Key, Session, SessionSchema, Store

pytestmark = pytest.mark.anyio

OLD = Key[str, str | None]("old", str)


class OldSession(Session[BaseModel, Literal["old"]], schema=SessionSchema(name="old", keys=(OLD,))):
    """A session with a key that is on its way out."""

    @deprecated("Use new.")
    async def get_old(self) -> str | None:
        """Read ``old``."""
        return await self._get(OLD)

    @deprecated("Use new.")
    async def set_old(self, value: str) -> None:
        """Write ``old``."""
        await self._set(OLD, value)


async def test_a_deprecated_method_warns_and_works(store: Store) -> None:
    session = await OldSession.create(store)
    with pytest.warns(DeprecationWarning, match=r"Use new\."):
        await session.set_old("x")
    with pytest.warns(DeprecationWarning, match=r"Use new\."):
        assert await session.get_old() == "x"
