"""Uses of a key that is deprecated: what checkers say at each marked line, and nowhere else."""

from state.order import OrderSession


async def methods_of_the_key(order: OrderSession) -> None:
    await order.get_language()  # deprecated
    await order.set_language("en")  # deprecated
    await order.has_language()  # deprecated
    await order.remove_language()  # deprecated
    await order.take_language()  # deprecated
    await order.update_language(lambda old: old or "en")  # deprecated


async def by_its_name(order: OrderSession) -> None:
    await order.get("language")  # deprecated
    await order.set("language", "en")  # deprecated


async def other_keys_are_not(order: OrderSession) -> None:
    await order.get("customer")
    await order.set("customer", "Ann")
    await order.get_title()
    await order.snapshot()
