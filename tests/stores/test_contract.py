"""Every store keeps the contract."""

import inspect

from mcp_sessions.testing import StoreContract


class TestStores(StoreContract):
    """All of it, on each kind of store; ``store`` is the fixture beside this file."""


def test_no_part_of_the_suite_hides_a_test_of_another() -> None:
    parts = [part for part in StoreContract.__mro__ if part is not StoreContract]
    names = [name for part in parts for name in vars(part) if name.startswith("test_")]
    assert len(set(names)) == len(names) > 100
    assert all(inspect.iscoroutinefunction(getattr(StoreContract, name)) for name in names)
