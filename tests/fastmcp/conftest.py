"""The stores and the compiled accessors of the runtime's tests, for servers on FastMCP."""

from tests.runtime.conftest import anyio_backend, clock, kinds, store

__all__ = ["anyio_backend", "clock", "kinds", "store"]
