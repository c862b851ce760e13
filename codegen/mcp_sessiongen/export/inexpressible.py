"""What one form of a schema can say and another cannot."""


class Inexpressible(Exception):
    """Something that a form has no words for.

    Attributes:
        hint: What to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint
