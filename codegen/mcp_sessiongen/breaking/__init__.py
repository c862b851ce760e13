"""What a change of a schema breaks, compared with what was released.

`reading` and `limits` decide whether stored JSON of one type reads under another; the modules of rules say what that
means. `snapshot`, `released` and `child` find what was released. All is true for a runtime that never moves stored
data.
"""
