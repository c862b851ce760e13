"""The options that the subcommands have in common: the store and what is needed to read it, and which sessions."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import click

from mcp_sessiongen.commands.sessions.units import parse_size
from mcp_sessiongen.commands.stores import KEYS_VARIABLE, accessors_at_hand, keys_of, opened, store_option

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from mcp_sessiongen.commands.shared import Reporter
    from mcp_sessions.admin import Catalog, Filters
    from mcp_sessions.stores import Store

F = TypeVar("F", bound=Callable[..., Any])
Function: TypeAlias = Callable[..., None]

SPACES: Final = ("handle", "transport", "connection", "user")


@dataclass(frozen=True)
class Place:
    """A store, and what is needed to read it."""

    url: str
    keys: tuple[str, ...] = field(default=(), repr=False)
    modules: tuple[str, ...] = ()

    def opened(self, *, creates: bool = False, changes: bool = False) -> "AbstractAsyncContextManager[Store]":
        """Open the store; see `commands.stores.opened`."""
        return opened(self.url, self.keys, creates=creates, changes=changes)

    def catalog(self, reporter: "Reporter") -> "Catalog":
        """Return the schemas at hand."""
        from mcp_sessions.admin import Catalog

        return Catalog(accessors_at_hand(self.modules, reporter))


def store_options(command: Function) -> Function:
    """Add the option that says which store; the command gets it as `place`."""

    @wraps(command)
    def with_place(store: str, **rest: Any) -> None:
        command(place=Place(store), **rest)

    return store_option(with_place)


def keyed_store_options(command: Function) -> Function:
    """Add the options that say which store, and with which keys its values are read."""

    @wraps(command)
    def with_keys(place: Place, keys_file: Path | None, **rest: Any) -> None:
        command(place=replace(place, keys=keys_of(keys_file)), **rest)

    text = f"Keys of an encrypted store, one a line; else {KEYS_VARIABLE}."
    return store_options(
        click.option("--keys-file", metavar="FILE", type=click.Path(path_type=Path), help=text)(with_keys)
    )


def typed_store_options(command: Function) -> Function:
    """Add the options that say which store, with which keys and by which schemas its values are read."""

    @wraps(command)
    def with_modules(place: Place, modules: tuple[str, ...], **rest: Any) -> None:
        command(place=replace(place, modules=modules), **rest)

    text = "A generated module, or module:Class; may be repeated. Else those of the project."
    option = click.option("-m", "--module", "modules", metavar="MODULE", multiple=True, help=text)
    return keyed_store_options(option(with_modules))


def not_empty(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    """Refuse what a variable that is not set leaves: taken at its word, it would begin, or name, everything."""
    if "" in (value if isinstance(value, tuple) else (value,)):
        raise click.BadParameter("it is empty; is a variable not set?", context, parameter)
    return value


def schema_option(text: str) -> Callable[[F], F]:
    """Return the option that says of which schema."""
    return click.option("--schema", metavar="NAME", callback=not_empty, help=text)


def _duration(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    from mcp_sessions.durations import seconds

    try:
        return seconds(value)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", context, parameter) from None


def _size(context: click.Context, parameter: click.Parameter, value: str | None) -> int | None:
    try:
        return None if value is None else parse_size(value)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


@dataclass(frozen=True)
class Wanted:
    """Which sessions are wanted, as the command line says it."""

    given: dict[str, Any]

    @property
    def is_all(self) -> bool:
        """Whether nothing is said."""
        return all(value is None for value in self.given.values())

    def filters(self) -> "Filters":
        """Return it as the library takes it."""
        from mcp_sessions.admin import Filters

        return Filters(**self.given)


def filter_options(command: Function) -> Function:
    """Add the options that say which sessions; the command gets them as `wanted`."""

    @wraps(command)
    def with_filters(**options: Any) -> None:
        names = ("schema", "owner", "space", "min_age", "min_idle", "max_expires_in", "min_size")
        command(wanted=Wanted({name: options.pop(name) for name in names}), **options)

    for option in reversed(_FILTERS):
        with_filters = option(with_filters)
    return with_filters


_FILTERS: Final = (
    schema_option('Of one schema; also "MCP session" and "events".'),
    click.option(
        "--owner",
        metavar="HASH",
        callback=not_empty,
        help="Of owners whose hash begins so; none: of those without one.",
    ),
    click.option("--space", type=click.Choice(SPACES), help="With one kind of id."),
    click.option("--mcp", "space", flag_value="transport", help="MCP sessions and what is in them."),
    click.option("--handles", "space", flag_value="handle", help="Sessions that have a handle."),
    click.option("--older-than", "min_age", metavar="TIME", callback=_duration, help="Began so long ago: 1h."),
    click.option("--idle", "min_idle", metavar="TIME", callback=_duration, help="Not used for so long: 10m."),
    click.option("--expires-within", "max_expires_in", metavar="TIME", callback=_duration, help="Over soon: 5m."),
    click.option("--larger-than", "min_size", metavar="SIZE", callback=_size, help="At least so large: 10KiB."),
)
