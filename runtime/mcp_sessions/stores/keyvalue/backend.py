"""The backend as this store uses it: documents by name, and one kind of error."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from key_value.aio.protocols.key_value import AsyncKeyValue

from mcp_sessions.errors import StoreError

_DOUBT: Final = "; it is not known whether it was done"


class Backend:
    """One collection of a key-value store, which is waited for so many seconds."""

    def __init__(self, key_value: AsyncKeyValue, collection: str, patience: float) -> None:
        self._key_value = key_value
        self._collection = collection
        self._patience = patience

    async def get(self, names: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
        """Return documents by name; None where there is none.

        Raises:
            StoreError: If the backend fails.
        """
        if not names:
            return {}
        async with self._asking():
            found = await self._key_value.get_many(names, collection=self._collection)
            return dict(zip(names, found, strict=True))

    async def put(self, documents: Mapping[str, Mapping[str, Any]], ttl: int | None = None) -> None:
        """Keep documents, for so many seconds if that is said.

        Raises:
            StoreError: If the backend fails.
        """
        async with self._asking(_DOUBT):
            await self._key_value.put_many(
                list(documents), list(documents.values()), collection=self._collection, ttl=ttl
            )

    async def delete(self, names: Sequence[str]) -> None:
        """Remove documents, those that are there.

        Raises:
            StoreError: If the backend fails.
        """
        async with self._asking(_DOUBT):
            await self._key_value.delete_many(names, collection=self._collection)

    @asynccontextmanager
    async def _asking(self, doubt: str = "") -> AsyncIterator[None]:
        """Turn whatever a backend raises into one error; its text may hold passwords, so that is only in the cause."""
        try:
            async with asyncio.timeout(self._patience) as limit:
                yield
        except Exception as error:
            late = f" did not answer within {self._patience:g} seconds" if limit.expired() else ""
            failed = late or f" failed with {type(error).__name__}"
            raise StoreError(f"the key-value store{failed}{doubt}", in_doubt=bool(doubt)) from error
