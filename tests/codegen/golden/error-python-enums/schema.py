from mcp_sessions import SessionModel, ValueEnum, ValueIntEnum


class Twice(ValueEnum):
    ONE = "one"
    OTHER = "one"


class Mixed(ValueIntEnum):
    ONE = 1

    def shown(self) -> str:
        return str(self.value)

    @property
    def double(self) -> int:
        return 2 * self.value


class Empty(ValueEnum):
    pass


class Cart(SessionModel):
    twice: Twice
    mixed: Mixed
    empty: Empty
