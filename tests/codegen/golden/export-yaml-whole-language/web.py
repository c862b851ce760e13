"""A type of the user's own: what the standard library says differs between versions of Python."""

from enum import Enum


class Method(Enum):
    """How a request is made."""

    GET = "GET"
    POST = "POST"
