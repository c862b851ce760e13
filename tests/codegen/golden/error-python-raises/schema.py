def work() -> None:
    raise ValueError("no\nway")


work()
