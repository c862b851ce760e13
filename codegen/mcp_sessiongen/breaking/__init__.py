"""What a change of a schema breaks, compared with what was released.

`reading` and `limits` decide whether stored JSON of one type reads under another, `get_along` whether two versions do
without a migration, and `moves` says what a migration does; the modules of rules say what that means. `snapshot`,
`released` and `child` find what was released.
"""
