from out.schema import CartSession
