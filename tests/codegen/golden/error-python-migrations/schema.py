from mcp_sessions import SessionModel, migration


class One(SessionModel, version=2, migrations=["app:one_v2"]):
    count: int = 0


class Two(SessionModel, version=2, migrations={"2": "app:two_v2", 3: 4}):
    count: int = 0


class Three(SessionModel, version=2):
    count: int = 0


@migration(Three, to=2)
class Step:
    pass


def make() -> None:
    @migration(Three, to=2)
    def inner(old):
        return old


make()
