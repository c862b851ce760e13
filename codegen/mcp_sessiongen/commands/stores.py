"""What the commands that work on stores share: which store, with which keys, and the user's generated modules.

They alone import the runtime, when they run.
"""

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mcp_sessiongen.commands.shared import Reporter

if TYPE_CHECKING:
    from mcp_sessions.base_session import BaseSession
    from mcp_sessions.stores import Store

C = TypeVar("C", bound=Callable[..., None])
R = TypeVar("R")

KEYS_VARIABLE: Final = "MCP_SESSIONS_KEYS"


class _Url(click.types.StringParamType):
    """The address of a store; it says how one is written if there is none."""

    def get_missing_message(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        return "Or set MCP_SESSIONS_STORE; for a file here: --store sqlite:///sessions.db"


def store_option(command: C) -> C:
    """Add `--store`."""
    return click.option(
        "--store",
        metavar="URL",
        type=_Url(),
        envvar="MCP_SESSIONS_STORE",
        required=True,
        help="Where the sessions are, as for open_store; else MCP_SESSIONS_STORE.",
    )(command)


def require_store(url: str, *, creates: bool = False) -> None:
    """Refuse addresses where nothing can be: opening them would make a new store, and find it empty.

    Args:
        url: The address.
        creates: Whether a new file is welcome.

    Raises:
        click.UsageError: If it is one.
    """
    from urllib.parse import unquote, urlsplit

    try:
        place = urlsplit(url)
    except ValueError:
        return  # to be refused by open_store, as whatever is no address of a store
    if place.scheme == "memory":
        raise click.UsageError("A store in memory is in the server's process, and nobody else's.")
    file = Path(unquote(place.path[1:]))
    if url.startswith("sqlite:///") and not creates and not file.exists():
        raise click.UsageError(f"There is no session database {file}.")


@asynccontextmanager
async def opened(
    url: str, keys: tuple[str, ...] = (), *, creates: bool = False, changes: bool = False
) -> "AsyncIterator[Store]":
    """Open a store, with the keys of one whose values are encrypted; what is not encrypted is read as it is.

    Args:
        url: Its address.
        keys: The keys.
        creates: Whether a new file is welcome.
        changes: Whether sessions are changed, of which servers are told, for those who listen to them there.

    Raises:
        click.UsageError: If nothing can be there, or the keys are none.
    """
    from mcp_sessions import open_store
    from mcp_sessions.stores.noticed import NoticedStore

    require_store(url, creates=creates)
    async with AsyncExitStack() as stack:
        store = open_store(url)
        stack.push_async_callback(store.aclose)
        used = _decrypting(store, keys) if keys else store
        if changes:
            used = NoticedStore(used)
            stack.push_async_callback(used.board.aclose)  # which tells what is still to be told
        yield used


def _decrypting(store: "Store", keys: tuple[str, ...]) -> "Store":
    try:
        from mcp_sessions.stores.encrypted import EncryptedStore

        return EncryptedStore(store, keys, plaintext="read")
    except (ImportError, ValueError) as error:
        raise click.UsageError(f"The keys cannot be used: {error}.") from None


def keys_of(file: Path | None) -> tuple[str, ...]:
    """Return the keys in a file, one a line, or else those in the environment, with commas between them.

    Raises:
        click.UsageError: If the file cannot be read, or has none.
    """
    if file is None:
        return tuple(filter(None, map(str.strip, os.environ.get(KEYS_VARIABLE, "").split(","))))
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"Cannot read {file}: {getattr(error, 'strerror', 'it is no text')}.") from None
    keys = tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
    if not keys:
        raise click.UsageError(f"There is no key in {file}: write one a line.")
    return keys


@contextmanager
def telling_failures(reporter: Reporter) -> Iterator[None]:
    """Tell what the store or a session has against the work, and exit with 2."""
    from mcp_sessiongen.diagnostics import clipped
    from mcp_sessions.errors import SessionError

    try:
        yield
    except SessionError as error:
        reporter.note(f"error: {clipped(str(error))}")
        sys.exit(2)


def perform(reporter: Reporter, work: "Callable[[], Coroutine[Any, Any, R]]") -> R:
    """Do some work on a store to its end, and return its result; whatever is wrong is told, and exits with 2."""
    import asyncio

    with reporter.guarded("nothing was done"), telling_failures(reporter):
        return asyncio.run(work())
    raise AssertionError("unreachable: what is wrong exits")


@contextmanager
def interruptible() -> Iterator[None]:
    """Have Ctrl-C interrupt work at once that waits for a stream: an event loop would go on until something comes."""
    import signal

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def progress_bar(total: int, *, quiet: bool = False, label: str = "sessions") -> Any:
    """Return a progress bar; it shows nothing where nobody watches."""
    is_hidden = quiet or not sys.stderr.isatty()
    return click.progressbar(length=max(total, 1), label=label, file=sys.stderr, hidden=is_hidden)


# --- the accessors -------------------------------------------------------------------------------------------------


def accessors(modules: tuple[str, ...], *, untyped: bool = False) -> "list[type[BaseSession]]":
    """Return the accessor classes that are named, or those of the project.

    Args:
        modules: Generated modules, or single classes in them.
        untyped: Whether those count too that are derived from `UntypedSession`.

    Raises:
        click.UsageError: If there are none.
    """
    _find_modules()
    names = modules or tuple(_of_project())
    if not names:
        raise click.UsageError("Name the generated modules, such as  state.cart: the project's settings name none.")
    return _distinct(_in_module(name, untyped=untyped) for name in names)


def accessors_at_hand(modules: tuple[str, ...], reporter: Reporter) -> "list[type[BaseSession]]":
    """Return likewise what there is for showing values; it may be nothing, and the project's may fail.

    Raises:
        click.UsageError: If one that is named is none.
    """
    _find_modules()
    if modules:
        return _distinct(_in_module(name, untyped=True) for name in modules)
    found = []
    for name in _of_project():
        try:
            found.append(_in_module(name, untyped=True))
        except click.UsageError as error:
            reporter.note(f"note: {error.message} Its sessions are shown as JSON.")
    return _distinct(found)


def _distinct(found: "Any") -> "list[type[BaseSession]]":
    return list(dict.fromkeys(accessor for some in found for accessor in some))


def _find_modules() -> None:
    from mcp_sessiongen.load.python_import import roots_from

    roots = [str(root) for root in roots_from(Path.cwd())]
    sys.path[:0] = [root for root in roots if root not in sys.path[: len(roots)]]


def _of_project() -> list[str]:
    from mcp_sessiongen.config import find_config
    from mcp_sessiongen.load.python_import import place_of
    from mcp_sessiongen.load.targets import Target
    from mcp_sessiongen.manifest import read_manifest

    config = find_config()
    files = [job.output / name for job in (config.jobs if config else ()) for name in read_manifest(job.output).entries]
    return [place_of(Target(str(file), "file")).name for file in files if file.name != "__init__.py"]


def _in_module(given: str, *, untyped: bool) -> "list[type[BaseSession]]":
    from importlib import import_module

    from mcp_sessions.session import Session
    from mcp_sessions.untyped import UntypedSession

    name, _, wanted = given.partition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for what the command says
            module = import_module(name)
    except Exception as error:
        raise click.UsageError(f"Cannot import {name}: {type(error).__name__}: {error}") from None
    bases = (Session, UntypedSession) if untyped else (Session,)
    found: list[type[BaseSession]] = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, bases) and value.__module__ == module.__name__
    ]
    chosen = [accessor for accessor in found if wanted in ("", accessor.__name__)]
    if not chosen:
        if not found:
            raise click.UsageError(f"{name} has no accessor class.")
        raise click.UsageError(f"{name} has no accessor {wanted}: there is {', '.join(one.__name__ for one in found)}.")
    return chosen
