from enum import Enum


class color(Enum):
    RED = "red"


class get(Enum):
    A = "a"


class list(Enum):
    A = "a"


class CartKey(Enum):
    A = "a"


class Session(Enum):
    A = "a"
