from pydantic import BaseModel

from shop import color as tint


class Session(BaseModel):
    number: int = 0


class CartKey(BaseModel):
    colour: tint
