from pydantic import RootModel


class Ids(RootModel[list[int]]):
    pass
