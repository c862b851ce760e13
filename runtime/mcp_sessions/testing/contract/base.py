"""What all parts of the contract suite share: the clock, an access, a session."""

from collections.abc import Awaitable

import pytest

from mcp_sessions.stores.base import Access, Address, Lifetime, NotLiveError, Reason, Store
from mcp_sessions.testing.clock import FakeClock
from mcp_sessions.testing.contract.operations import IDLE


class ContractBase:
    """The fixtures of every part; ``store`` is the subclass's."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def anyio_backend(self) -> str:
        """Run coroutine tests on asyncio, as servers on the SDK do."""
        return "asyncio"

    @pytest.fixture
    def clock(self) -> FakeClock:
        """The store's clock."""
        return FakeClock()

    @pytest.fixture
    def access(self) -> Access:
        """Somebody's claim to their cart."""
        return Access(Address("handle", "cart_1", "cart"), "me")

    @pytest.fixture
    def beginner(self, access: Access) -> Access:
        """A claim to a cart that may begin with its first write."""
        return Access(access.address, access.owner, Lifetime(IDLE, 5000.0))

    @pytest.fixture
    def lifetime(self) -> Lifetime:
        """How long the session lives."""
        return Lifetime(IDLE)

    @pytest.fixture
    async def session(self, store: Store, access: Access, lifetime: Lifetime) -> Access:
        """An empty session."""
        await store.create(access, lifetime)
        return access

    @pytest.fixture
    async def kept(self, store: Store, session: Access) -> Access:
        """A session with a value."""
        await store.write(session, {"a": b"1"})
        return session


async def reason_of(attempt: Awaitable[object]) -> Reason:
    """Return why an attempt was refused."""
    with pytest.raises(NotLiveError) as raised:
        await attempt
    return raised.value.reason
