from mcp_sessions import SessionModel


class Cart(SessionModel, reserved=("old", "older")):
    old: int = 0
    new: int = 0


class Wish(SessionModel, reserved="old"):
    old: int = 0


class Third(SessionModel, reserved=["class", "_x", "a b", "fine"]):
    new: int = 0
