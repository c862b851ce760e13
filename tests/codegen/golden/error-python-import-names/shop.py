from enum import Enum


class Größe(Enum):
    S = "s"
