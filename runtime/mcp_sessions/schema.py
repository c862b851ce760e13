"""What a schema is at run time: the description that a generated module hands to the runtime.

Also the base classes with which a schema is declared in Python; `mcp-sessiongen` reads those.
"""

import sys
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict

from mcp_sessions.durations import Duration
from mcp_sessions.errors import InterfaceError

if TYPE_CHECKING:
    from mcp_sessions.keys import Key
    from mcp_sessions.migrations import Migration

Scope: TypeAlias = Literal["auto", "handle", "transport", "user"]
"""How a call names its session; see docs/architecture.md."""

INTERFACES: Final = range(1, 2)
"""The versions of generated code that this runtime serves."""


class ValueModel(BaseModel):
    """A nested value type that belongs to a schema.

    In a schema file it is compiled together with the session, so code imports it from the generated module.
    A plain ``BaseModel`` stays where it is, and the generated module imports it from there.
    """

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64", ser_json_inf_nan="constants")


class ValueEnum(StrEnum):
    """An enumeration of texts that belongs to a schema, and is compiled with it as a ``ValueModel`` is."""


class ValueIntEnum(IntEnum):
    """An enumeration of whole numbers that belongs to a schema, and is compiled with it as a ``ValueModel`` is."""


class SessionModel(ValueModel):
    """Declares one kind of session: a field a key.

    Class keywords, all optional: ``name`` (default: the class's name in snake_case), ``version`` (1), ``idle`` and
    ``max`` (durations such as "30m"), ``scope`` ("auto"), ``handle`` (name of the tool argument; default: the name),
    ``create_tool`` and ``end_tool`` (default: ``create_<handle>`` and ``end_<handle>``), ``list_tool`` (default: none),
    ``reserved`` (names of former keys that no key may have again), and ``migrations`` (the functions, as
    "module:function", that bring stored data to a version, by that version; or see ``migration``). What a single key
    has besides its type is said by ``Annotated[..., Key(...)]``.
    """

    __sessiongen__: ClassVar[dict[str, Any]] = {}

    if TYPE_CHECKING:

        def __init_subclass__(
            cls,
            *,
            name: str = ...,
            version: int = ...,
            idle: Duration = ...,
            max: Duration = ...,
            scope: Scope = ...,
            handle: str = ...,
            create_tool: str = ...,
            end_tool: str = ...,
            list_tool: str = ...,
            reserved: tuple[str, ...] = ...,
            migrations: dict[int, str | dict[str, object]] = ...,
        ) -> None: ...

    else:

        def __init_subclass__(cls, **options: Any) -> None:
            # Taken as they are: the compiler checks them, and reports with file and line.
            super().__init_subclass__()
            cls.__sessiongen__ = options


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSchema:
    """One kind of session, as generated code describes it.

    Attributes:
        name: The session's name; also the prefix of its handles.
        version: The schema's version, counted by its author.
        digest: Changes when anything about the schema changes.
        state: The model that ``snapshot()`` returns.
        keys: The keys, in the order of the schema.
        idle: Idle lifetime in seconds; None for the server's default.
        max: Lifetime in seconds however much the session is used; None for no limit.
        scope: How a call names its session.
        handle: The tool argument that carries the handle; "" for the session's name.
        create_tool: The tool that begins a session; "" for ``create_<handle>``.
        end_tool: The tool that ends one; "" for ``end_<handle>``.
        list_tool: The tool that lists the caller's own; "" for none.
        since: The oldest version whose servers can use sessions of this one; None for no other.
        reads: The oldest version whose sessions can be used as they are, without a migration; None for no other.
        migrations: The steps from the first version to this one that change anything.
    """

    name: str
    version: int = 1
    digest: str = ""
    state: type[BaseModel] = ValueModel
    keys: "tuple[Key[Any, Any], ...]" = ()
    idle: float | None = None
    max: float | None = None
    scope: Scope = "auto"
    handle: str = ""
    create_tool: str = ""
    end_tool: str = ""
    list_tool: str = ""
    since: int | None = None
    reads: int | None = None
    migrations: "tuple[Migration, ...]" = ()

    @property
    def compatible_since(self) -> int:
        """The oldest version whose servers can use sessions of this one."""
        return self.version if self.since is None else self.since

    @property
    def reads_since(self) -> int:
        """The oldest version whose sessions can be used as they are."""
        return self.version if self.reads is None else self.reads

    @property
    def secrets(self) -> frozenset[str]:
        """The names under which the store may have secret values: those of secret keys, present and past."""
        names = {key.name for key in self.keys if key.secret}
        for step in reversed(self.migrations):
            names |= {old for old, new in step.renamed.items() if new in names}
            names |= {key.name for past in (step.before, step.after) if past for key in past.keys if key.secret}
        return frozenset(names)

    @property
    def argument(self) -> str:
        """The name of the tool argument that carries the handle."""
        return self.handle or self.name

    @property
    def create_tool_name(self) -> str:
        """The name of the tool that begins a session."""
        return self.create_tool or f"create_{self.argument}"

    @property
    def end_tool_name(self) -> str:
        """The name of the tool that ends a session."""
        return self.end_tool or f"end_{self.argument}"

    @property
    def tool_names(self) -> list[str]:
        """The names of the tools that begin, end and list sessions."""
        return [self.create_tool_name, self.end_tool_name, *filter(None, [self.list_tool])]

    @property
    def has_handles(self) -> bool:
        """Whether a handle can name a session of this schema."""
        return self.scope in ("auto", "handle")


def require_interface(version: int, module: str) -> None:
    """Refuse a generated module that was made for another version of this runtime.

    Args:
        version: The interface that the module was made for.
        module: The module's ``__name__``.

    Raises:
        InterfaceError: If this runtime does not serve that interface; it names the command to run.
    """
    if version in INTERFACES:
        return
    served = f"{INTERFACES.start}" if len(INTERFACES) == 1 else f"{INTERFACES.start} to {INTERFACES.stop - 1}"
    newer = version >= INTERFACES.stop
    advice = "Upgrade mcp-sessiongen where this runs" if newer else f"Generate it anew: {_command_for(module)}"
    raise InterfaceError(
        f"{module} was generated for runtime interface {version}, and the installed mcp_sessions serves {served}. "
        f"{advice}."
    )


def _command_for(module: str) -> str:
    """Return the command that the module's header names, with the folder to run it in."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        lines = Path(str(file)).read_text(encoding="utf-8").splitlines()[:5] if file else []
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("#   mcp-sessiongen "):
            return f"cd {Path(str(file)).parent} && {line.removeprefix('#').strip()}"
    return "mcp-sessiongen generate SCHEMA... -o FOLDER"
