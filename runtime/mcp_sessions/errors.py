"""What the runtime raises, and how it reaches a model.

    SessionError
    +-- SessionRequiredError        the call names no session
    +-- SessionNotFoundError        no such session (or somebody else's)
    |   +-- SessionExpiredError     it was the caller's, and its lifetime is over
    |   +-- SessionEndedError       it was the caller's, and it has been ended
    +-- SessionKeyError             the schema has no such key
    +-- SessionValueError           a value does not fit its key
    +-- SessionDataError            what the store holds does not fit the key
    +-- SessionVersionError         what the store holds is of a version that this server does not serve
    |   +-- SessionMigrationError   it is of an older version, and could not be migrated
    +-- SessionConflictError        other writers came first
    +-- SessionLimitError           more than may be kept
    |   +-- SessionTooLargeError    a value or a session would be too large
    |   +-- TooManySessionsError    an owner or the server has too many sessions
    +-- StoreError                  the store failed
    |   +-- StoreUrlError           a store address that cannot be opened
    +-- InterfaceError              generated code and runtime do not fit each other

A framework shows the model only errors of its own classes. A framework's adapter therefore calls
``also_raise_as`` once, and from then on every ``SessionError`` is an instance of those classes too.
"""

from typing import Any, ClassVar

__all__ = [
    "InterfaceError",
    "SessionConflictError",
    "SessionDataError",
    "SessionEndedError",
    "SessionError",
    "SessionExpiredError",
    "SessionKeyError",
    "SessionLimitError",
    "SessionMigrationError",
    "SessionNotFoundError",
    "SessionRequiredError",
    "SessionTooLargeError",
    "SessionValueError",
    "SessionVersionError",
    "StoreError",
    "StoreUrlError",
    "TooManySessionsError",
    "also_raise_as",
]


class SessionError(Exception):
    """Anything that mcp_sessions raises on purpose; its text is written for whoever made the call."""

    _declared: ClassVar[type["SessionError"]]
    _framework_bases: ClassVar[tuple[type[Exception], ...]] = ()

    def __new__(cls, *args: Any, **kwargs: Any) -> "SessionError":
        """Make the error an instance of the frameworks' own error classes as well."""
        target = _combined(cls, SessionError._framework_bases)
        return super().__new__(target, *args)

    def __init_subclass__(cls) -> None:
        """Remember the class that is declared in a module: the one to pickle by."""
        super().__init_subclass__()
        cls._declared = cls

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the declared class; whoever loads it adds the frameworks that are there."""
        return self._declared, self.args


class SessionRequiredError(SessionError):
    """The call names no session: no handle was given and there is no session to fall back on."""


class SessionNotFoundError(SessionError):
    """There is no such session, or it belongs to somebody else: the two are deliberately told apart nowhere."""


class SessionExpiredError(SessionNotFoundError):
    """The session was the caller's, and was not used for longer than its lifetime."""


class SessionEndedError(SessionNotFoundError):
    """The session was the caller's, and has been ended."""


class SessionKeyError(SessionError, LookupError):
    """The schema has no key of that name."""


class SessionValueError(SessionError, ValueError):
    """A value does not fit the type or the constraints of its key; nothing was written."""


class SessionDataError(SessionError):
    """What the store holds for a key does not fit the key's type; it was left as it is."""


class SessionVersionError(SessionError):
    """What the store holds is of a version of the schema that this server does not serve; it was left as it is."""


class SessionMigrationError(SessionVersionError):
    """What the store holds is of an older version, and could not be migrated; it was left as it is."""


class SessionConflictError(SessionError):
    """Others changed what was read before it could be written, each time it was tried; nothing was written.

    Attributes:
        current: What is there now: of a transaction, the state as ``snapshot()`` gives it; of a method such as
            ``update_x``, the value of its key. None if it cannot be read, or after the error was pickled. It may be
            secret, so it is never in the error's text.
    """

    def __init__(self, *args: object, current: object = None) -> None:
        super().__init__(*args)
        self.current = current


class SessionLimitError(SessionError):
    """More than may be kept; nothing was written."""


class SessionTooLargeError(SessionLimitError):
    """A value, or a session as a whole, would be larger than it may be."""


class TooManySessionsError(SessionLimitError):
    """The owner, or the server, has as many sessions as it may have."""


class StoreError(SessionError):
    """The store failed. Nothing was changed by the operation, unless the text says that this is not known.

    Inside of a server's call its text is for the model; the log, and ``__cause__``, have the store's own.

    Attributes:
        in_doubt: Whether it is not known if the operation was done.
        is_about_input: Whether it is what the caller passed that the store cannot take.
    """

    is_retold = False

    def __init__(self, *args: object, in_doubt: bool = False, is_about_input: bool = False) -> None:
        super().__init__(*args)
        self.in_doubt = in_doubt
        self.is_about_input = is_about_input

    def __reduce__(self) -> tuple[Any, ...]:
        """Copy and pickle with what is known besides the text."""
        return *super().__reduce__(), dict(vars(self))


class StoreUrlError(StoreError, ValueError):
    """A store address that cannot be opened; the text says why, without any password."""


class InterfaceError(SessionError, ImportError):
    """A generated module was made for another version of the runtime."""


def also_raise_as(*bases: type[Exception]) -> None:
    """From now on, make every ``SessionError`` an instance of ``bases`` too; repeated classes are ignored."""
    known = SessionError._framework_bases
    SessionError._framework_bases = known + tuple(base for base in bases if base not in known)


_made: dict[tuple[type[SessionError], tuple[type[Exception], ...]], type[SessionError]] = {}


def _combined(cls: type[SessionError], bases: tuple[type[Exception], ...]) -> type[SessionError]:
    missing = tuple(base for base in bases if not issubclass(cls, base))
    if not missing:
        return cls
    if (cls, missing) not in _made:
        members = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__}
        _made[cls, missing] = type(cls.__name__, (cls, *missing), members)
        _made[cls, missing]._declared = cls
    return _made[cls, missing]


SessionError._declared = SessionError
