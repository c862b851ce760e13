"""The linter's rules, with a paragraph each that says why. As with all codes, they are added, never renamed."""

from typing import Final

LINT_CODES: Final[dict[str, str]] = {
    "lint-deprecated-hint": (
        "The text of `deprecated` is what type checkers and editors show to whoever still uses the key. It should say"
        " in a sentence what to use instead, or why the key will go."
    ),
    "lint-float-money": (
        "A float cannot hold most amounts of money exactly: 0.1 + 0.2 is not 0.3, and increments add up the error. Use"
        " Decimal, or an int that counts cents."
    ),
    "lint-key-doc": (
        "A key with `create` is a parameter of the create tool, and its doc is all that the model is told about the"
        " parameter. Without it the model guesses."
    ),
    "lint-large-default": (
        "The default is longer than 1,000 characters of JSON. It becomes part of the generated module and of every"
        " diff of it. Let the server fill in large values, or keep them outside of the session."
    ),
    "lint-lifetime": (
        "A session of scope `handle` or `user` outlives the connection, so how long it is kept is a decision about"
        " retention, and the create tool tells it to the model. Without `lifetime` it is whatever the server has as its"
        " default."
    ),
    "lint-secret": (
        "The key's name says that it holds a credential. Stores keep values as they are, and whoever reads the store,"
        " or a backup of it, can read them. Keep credentials in a secret manager, and only their name in the session."
        " Where the value itself has to be in the session, mark the key with `secret: true`, in Python"
        " `Key(secret=True)`: then it is masked wherever people look at sessions. `EncryptedStore` keeps it unreadable"
        " in the store too."
    ),
    "lint-secret-parameter": (
        "A secret is for the tools alone, and what the create tool takes, the model has in its conversation, and the"
        " host in its logs. Let a tool of yours write it, from where the model does not look."
    ),
    "lint-session-doc": (
        "The doc of a session is what the create tool says to the model about it, and the docstring of the accessor."
        " Without it the model knows nothing but the session's name."
    ),
    "lint-ttl": ("The key's `ttl` is not shorter than the longest life of the session, so it never has an effect."),
    "lint-unbounded": (
        "The value can grow without a limit: a list, set or dict that tools add to, or a text that the model may write"
        " into when it creates the session. Say with `max_length` how much is meant; more is then refused with a clear"
        " error, before the store is full."
    ),
    "lint-unused-type": "No session uses the type, directly or through another type. Remove it, or use it.",
}
