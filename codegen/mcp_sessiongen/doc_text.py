"""The one normal form of documentation: a YAML block and a Python docstring that say the same are the same text."""


def normal_doc(text: str) -> str:
    """Return documentation as `inspect.cleandoc` would leave it, and leave again: it is the same when done twice.

    Tabs and other blanks at the beginning of a line are spaces, lines end in no blanks, and there is no indentation
    that all lines share. A docstring can carry no more than that.
    """
    if text.isprintable():  # one line, and no blanks but spaces
        return text.strip()
    lines = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs().split("\n")
    lines = [" " * (len(line) - len(line.lstrip())) + line.strip() if line.strip() else "" for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    margin = min((len(line) - len(line.lstrip()) for line in lines if line), default=0)
    return "\n".join(line[margin:] for line in lines)
