from enum import Enum


class color(Enum):
    RED = "red"


class get(Enum):
    A = "a"


class list(Enum):
    A = "a"


class int_(Enum):
    A = "a"


class Größe(Enum):
    S = "s"
