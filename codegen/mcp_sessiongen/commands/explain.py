"""`mcp-sessiongen explain`."""

import click
from click.shell_completion import CompletionItem


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from mcp_sessiongen.explanations import ALL_CODES

    return [CompletionItem(code) for code in ALL_CODES if code.startswith(incomplete)]


@click.command(short_help="Explain what a finding means.")
@click.argument("code", required=False, shell_complete=_complete)
def command(code: str | None) -> None:
    """Explain what a finding means, and what to do about it; without CODE, list all codes."""
    from mcp_sessiongen.explanations import ALL_CODES, explanation
    from mcp_sessiongen.names import did_you_mean
    from mcp_sessiongen.terminal import say

    if code is None:
        width = max(map(len, ALL_CODES))
        for known, text in ALL_CODES.items():
            say(f"{known:<{width}}  {_first_sentence(text)}")
        return
    wanted = code.strip("[]")
    if wanted not in ALL_CODES:
        hint = did_you_mean(wanted, ALL_CODES) or "without a code, all of them are listed"
        raise click.UsageError(f"there is no code {wanted!r}; {hint}")
    say(explanation(wanted))


def _first_sentence(text: str) -> str:
    """Return the beginning of a paragraph that fits on a line of a terminal."""
    import textwrap

    return textwrap.shorten(text.split(". ")[0].rstrip(".") + ".", 86, placeholder=" ...")
