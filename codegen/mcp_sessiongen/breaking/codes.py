"""The rules: what each finds and why it matters, by category. As with all codes, they are added, never renamed."""

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

Category: TypeAlias = Literal["data", "servers", "code", "tools", "policy"]

_RULES: Final[dict[Category, dict[str, str]]] = {
    "data": {
        "breaking-constraint-tightened": (
            "Values that released code was allowed to store violate a constraint now. Constraints are checked on"
            " reading too: reading them raises SessionDataError, and if the version was raised, the session cannot be"
            " migrated. Keep the constraint and check new values in your tools; or raise the version and declare a"
            " migration function, which `mcp-sessiongen migration new NAME` begins."
        ),
        "breaking-field-removed": (
            "A field of a nested type is gone. What is stored has it still: reading ignores it, and the next write of"
            " the value removes it for good. Keep the field, with a default, until no stored session has it; or raise"
            " the version and declare a migration function, which `mcp-sessiongen migration new NAME` begins."
        ),
        "breaking-field-required": (
            "A field of a nested type has no default, and what is stored may be without it: it is new, or was added"
            " with a default later than the type. Reading such a value raises SessionDataError, and if the version was"
            " raised, the session cannot be migrated. Give it a default; or raise the version and declare a migration"
            " function, which `mcp-sessiongen migration new NAME` begins."
        ),
        "breaking-key-removed": (
            "A key is gone. What is stored under it stays in the session and is never read again. If that is meant,"
            " list the name under `reserved`: then its values are dropped with the next migration, and no other key"
            " takes them for its own. If the key has another name now, say so with `renamed_from`."
        ),
        "breaking-key-renamed": (
            "A key has another name, and `renamed_from` says which it was. Its values are moved when the session is"
            " migrated, and sessions of the same version are not: the new key is unset in every session that exists."
            " Raise `version` by one."
        ),
        "breaking-model-changed": (
            "The session is bound to a class of yours, and what that class accepts is not what it was; or it is bound"
            " now, or not any more. Only its fingerprint is known, so whether stored values are still accepted cannot"
            " be told. If a test says that they are, ignore this finding once."
        ),
        "breaking-scope-changed": (
            "The scope says how a call finds its session, and with another one the sessions that exist are not found:"
            " those of a handle are not those of a connection or of a user. Make a new session beside the old one."
        ),
        "breaking-session-removed": (
            "A session is gone, or has another name. The name is part of its handles and of where its data lies, so"
            " nothing finds the sessions that exist. Keep it until they have expired."
        ),
        "breaking-type-changed": (
            "What is stored is not of the type any more: reading it raises SessionDataError, or gives another value"
            " than was written, and if the version was raised, the session cannot be migrated. That is so for T? that"
            " becomes T, and for int that becomes float, unless ge and le keep it within 2**53. Add a key of the new"
            " type, and read the old one where that is unset; or raise the version and declare a migration function,"
            " which `mcp-sessiongen migration new NAME` begins."
        ),
        "breaking-value-removed": (
            "An enum or a Literal lacks a value that may be stored. Reading it raises SessionDataError, and if the"
            " version was raised, the session cannot be migrated. Keep the value until no stored session has it; the"
            " doc may say that it is not used any more. Or raise the version and declare a migration function, which"
            " `mcp-sessiongen migration new NAME` begins."
        ),
    },
    "servers": {
        "breaking-constraint-loosened": (
            "New code may write values that violate a constraint of the released code. Released servers that run beside"
            " the new ones, or after a rollback, raise SessionDataError when they read them. Loosen it in one release,"
            " and write such values from the next one on."
        ),
        "breaking-field-added": (
            "A field of a nested type is new. Released servers ignore it when they read a value, and when they write"
            " the value back it is gone. Give it a default, and rely on it only when no released server runs any more."
        ),
        "breaking-field-dropped": (
            "A field of a nested type that the released code requires is not written any more. Released servers raise"
            " SessionDataError when they read such a value. Keep it until none of them runs."
        ),
        "breaking-session-refused": (
            "The version was raised, and the two versions do not get along. Sessions that new servers begin or migrate"
            " are of the new one, and released servers refuse them with SessionVersionError, during a rollout and after"
            " a rollback; nothing is lost. If each version reads what the other writes, let both know it: `mcp-"
            " sessiongen migration new NAME` writes the released version into the folder `history`. Else release in two"
            " steps, first what reads both forms."
        ),
        "breaking-type-widened": (
            "New code may write values that are not of the released type, such as null for T that becomes T?. Released"
            " servers that run beside the new ones, or after a rollback, raise SessionDataError when they read them."
            " Widen the type in one release, and write such values from the next one on."
        ),
        "breaking-value-added": (
            "An enum or a Literal has a value that the released code does not know. Released servers raise"
            " SessionDataError when they read it. Add it in one release, and write it from the next one on."
        ),
    },
    "code": {
        "breaking-accessor-type": (
            "The methods of a key take or give another type, so code that type-checked may not any more. Where the old"
            " and the new type differ only in constraints there is no finding."
        ),
        "breaking-default-removed": (
            "Without its default a key that is unset reads as None: `get_x` gives `T | None` where it gave `T`, and"
            " callers have to handle that."
        ),
        "breaking-name-removed": (
            "A class or the methods of a key are gone from the generated module, or are in another module. Code that"
            " uses them does not type-check any more, and fails when it runs."
        ),
        "breaking-value-type": (
            "A value type is not what it was to code that uses it: it, a field or an enum's member is gone or has"
            " another type, or a field has to be given where it could be left out."
        ),
    },
    "tools": {
        "breaking-handle-renamed": (
            "The tool argument that carries the handle has another name. Models have the old one in their"
            " conversations, and clients in their code: their calls lack the argument."
        ),
        "breaking-parameter-removed": (
            "The create tool does not take a parameter any more. Who passes it still is refused, or ignored."
        ),
        "breaking-parameter-required": (
            "The create tool requires a parameter that could be left out, or did not exist. Calls without it are"
            " refused. Make it `create: optional`, and give the key a default."
        ),
        "breaking-parameter-type": (
            "A parameter of the create tool refuses values that it took, or takes them for others. Clients that have"
            " the old schema of the tool still pass them."
        ),
        "breaking-tool-removed": (
            "A tool is gone, or has another name. Models that know it from their conversation, and clients that call"
            " it by name, get an error."
        ),
    },
    "policy": {
        "breaking-default-changed": (
            "A key that is unset reads otherwise than it did, also in sessions that exist: unset keys are not stored."
            " Released servers that run beside the new ones read the same sessions with the old default."
        ),
        "breaking-lifetime-shortened": (
            "Sessions are kept for a shorter time than the create tool has promised, or for a time that is now up to"
            " the server's own settings."
        ),
        "breaking-name-reused": (
            "A key has a name that was reserved, or that a `renamed_from` gave as its old one. Sessions that exist may"
            " still hold the value of the key that had it before, which would be taken for a value of the new key."
        ),
        "breaking-reservation-lifted": (
            "A name is not reserved any more. Nothing keeps a later key from taking it, while sessions may still hold"
            " the value of the key that had it. Keep it under `reserved`; it costs nothing."
        ),
        "breaking-secret-shown": (
            "A key was secret and is not: values that were stored for the tools alone are shown to whoever looks at"
            " sessions, and in what printing a snapshot says. Keep it secret. If what is stored may be seen, ignore"
            " this finding once."
        ),
        "breaking-ttl-shortened": (
            "Values of the key are unset sooner than released code expects, or at all where they stayed until the"
            " session ended."
        ),
        "breaking-version-lowered": (
            "The version of the schema went down. It is kept with every session, and those of a newer version are"
            " refused with SessionVersionError unless the two get along: count up."
        ),
        "breaking-version-not-raised": (
            "Stored data of this session does not fit, or has to be moved or dropped, and the version is the same:"
            " sessions of the old form and of the new one cannot be told apart, and no migration is done. Raise"
            " `version` by one."
        ),
    },
}

CATEGORIES: Final[tuple[Category, ...]] = tuple(_RULES)

BREAKING_CODES: Final[dict[str, str]] = {code: text for rules in _RULES.values() for code, text in rules.items()}

CATEGORY_OF: Final[dict[str, Category]] = {code: category for category, rules in _RULES.items() for code in rules}


def problem_with(word: str) -> tuple[str, str] | None:
    """Return what is wrong with a word that should name a rule or a category, and a hint."""
    from mcp_sessiongen.names import did_you_mean

    known = (*CATEGORIES, *BREAKING_CODES)
    if word in known:
        return None
    return f"there is no rule or category {word!r}", did_you_mean(word, known) or f"there are: {', '.join(known)}"


def codes_of(words: Iterable[str]) -> set[str]:
    """Return the rules that words name, one by one or by their category."""
    named = set(words)
    return {code for code, category in CATEGORY_OF.items() if code in named or category in named}
