"""Docstrings that give a text back exactly, once `inspect.cleandoc` has been at it."""

from mcp_sessiongen.python_text import Code, lit


def docstring(text: str, indent: int) -> Code:
    """Return a docstring, its quotes included; lines after the first are indented.

    Args:
        text: The text, as `normal_doc` leaves it.
        indent: Where the docstring begins.
    """
    lines = [_escaped(line) for line in text.split("\n")]
    margin = " " * indent
    if len(lines) == 1:
        return Code(f'"""{lines[0]}"""')
    # Below the quotes, the first line is indented like all others, and so is relative indentation kept.
    body = "\n".join(margin + line if line else "" for line in lines)
    return Code(f'"""\n{body}\n{margin}"""')


def _escaped(line: str) -> str:
    plain = "".join(character if character == '"' else lit(character)[1:-1] for character in line)
    # A quote could end the literal; a single one inside of the line cannot.
    if '"""' in plain or plain[:1] == '"' or plain[-1:] == '"':
        return plain.replace('"', '\\"')
    return plain
