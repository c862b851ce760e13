"""The backend as this store uses it: documents by name, and one kind of error."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from key_value.aio.protocols.key_value import AsyncKeyValue

from mcp_sessions.errors import StoreError


class Backend:
    """One collection of a key-value store."""

    def __init__(self, key_value: AsyncKeyValue, collection: str) -> None:
        self._key_value = key_value
        self._collection = collection

    async def get(self, names: Sequence[str]) -> dict[str, Mapping[str, Any] | None]:
        """Return documents by name; None where there is none.

        Raises:
            StoreError: If the backend fails.
        """
        if not names:
            return {}
        with _failures(""):
            found = await self._key_value.get_many(names, collection=self._collection)
            return dict(zip(names, found, strict=True))

    async def put(self, documents: Mapping[str, Mapping[str, Any]], ttl: int | None = None) -> None:
        """Keep documents, for so many seconds if that is said.

        Raises:
            StoreError: If the backend fails.
        """
        with _failures("; it is not known whether it was done"):
            await self._key_value.put_many(
                list(documents), list(documents.values()), collection=self._collection, ttl=ttl
            )

    async def delete(self, names: Sequence[str]) -> None:
        """Remove documents, those that are there.

        Raises:
            StoreError: If the backend fails.
        """
        with _failures("; it is not known whether it was done"):
            await self._key_value.delete_many(names, collection=self._collection)


@contextmanager
def _failures(doubt: str) -> Iterator[None]:
    """Turn whatever a backend raises into one error; its text may hold passwords, so that is only in the cause."""
    try:
        yield
    except Exception as error:
        raise StoreError(f"the key-value store failed with {type(error).__name__}{doubt}") from error
