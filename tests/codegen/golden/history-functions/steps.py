"""What brings carts from one version to the next."""

from out.schema import CartV1State, CartV2State, CartV3State


class Steps:
    """The first steps."""

    @staticmethod
    def cart_v2(old: CartV1State) -> CartV2State:
        """Add a language."""
        return CartV2State(language="en") if old.items else CartV2State()


def cart_v3(old: CartV2State) -> CartV3State:
    """Rename the language."""
    return CartV3State(color=old.color, locale=old.language)
