"""The suite that every store passes: what ``mcp_sessions.stores.base`` says, as tests."""

from mcp_sessions.testing.contract.beginnings import Beginnings
from mcp_sessions.testing.contract.children import Children
from mcp_sessions.testing.contract.concurrency import Concurrency
from mcp_sessions.testing.contract.copies import Copies
from mcp_sessions.testing.contract.families import Families
from mcp_sessions.testing.contract.lifetimes import Lifetimes
from mcp_sessions.testing.contract.limits import SizeLimits
from mcp_sessions.testing.contract.listing import Listing
from mcp_sessions.testing.contract.migrating import Migrating
from mcp_sessions.testing.contract.notices import NoticesContract
from mcp_sessions.testing.contract.purging import Purging
from mcp_sessions.testing.contract.ttls import TimesToLive
from mcp_sessions.testing.contract.values import Values
from mcp_sessions.testing.contract.versions import Versions

__all__ = ["NoticesContract", "StoreContract"]


class StoreContract(
    Values,
    TimesToLive,
    Lifetimes,
    Beginnings,
    Purging,
    Children,
    Families,
    SizeLimits,
    Listing,
    Copies,
    Versions,
    Migrating,
    Concurrency,
):
    """The tests of the store contract, for a store of your own.

    Derive a class whose name begins with ``Test`` and give it a fixture ``store``: an empty store that tells the time
    by the fixture ``clock``. The tests are coroutines; pytest runs them by the plugin of anyio, which ``mcp`` brings::

        class TestMyStore(StoreContract):
            @pytest.fixture
            async def store(self, clock: FakeClock) -> AsyncIterator[Store]:
                store = MyStore(clock=clock)
                yield store
                await store.aclose()

    What cannot be seen from outside is not tested: that an operation costs one round trip, and is atomic among
    processes.
    """
