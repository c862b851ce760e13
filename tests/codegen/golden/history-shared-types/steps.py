"""Nothing is kept."""

from out.schema import CartV1State, CartV2State, OrderV1State, OrderV2State, WishV1State, WishV2State


def cart_v2(old: CartV1State) -> CartV2State:
    """Empty it."""
    return CartV2State() if old.items else CartV2State(items=[])


def order_v2(old: OrderV1State) -> OrderV2State:
    """Empty it."""
    return OrderV2State() if old.items else OrderV2State(items=[])


def wish_v2(old: WishV1State) -> WishV2State:
    """Empty it."""
    return WishV2State() if old.items else WishV2State(items=[])
