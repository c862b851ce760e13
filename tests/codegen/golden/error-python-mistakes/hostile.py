raise NameError("no", name=5)
