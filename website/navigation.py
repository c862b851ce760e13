"""The order of the site's pages. A test holds it against docs/: a page that is not named here fails it."""

from typing import Final, TypeAlias

Section: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]

NAVIGATION: Final[tuple[Section, ...]] = (
    (
        "Start",
        (
            ("mcp-sessiongen", "index.md"),
            ("Tutorial", "tutorial.md"),
            ("Do I need this?", "do-i-need-this.md"),
        ),
    ),
    (
        "Questions",
        (
            ("Which scope?", "which-scope.md"),
            ("Which store?", "which-store.md"),
            ("What happens at a deploy?", "rolling-deploys.md"),
            ("How do I test a tool?", "testing.md"),
            ("What does the model see?", "what-the-model-sees.md"),
            ("What is logged?", "logging.md"),
            ("What may a stranger do?", "security.md"),
        ),
    ),
    (
        "Guides",
        (
            ("The schema language", "schemas.md"),
            ("The command line", "command-line.md"),
            ("In editors", "editors.md"),
            ("Accessors", "accessors.md"),
            ("In a server", "server.md"),
            ("In FastMCP", "fastmcp.md"),
            ("Lifetimes, hooks, limits", "lifetimes.md"),
            ("State as a resource", "resources.md"),
            ("Errors", "errors.md"),
        ),
    ),
    (
        "In production",
        (
            ("Deployment", "deployment.md"),
            ("Continuous integration", "ci.md"),
            ("Stores", "stores.md"),
            ("Encryption", "encryption.md"),
            ("OpenTelemetry", "telemetry.md"),
            ("Operating", "operating.md"),
            ("The studio", "studio.md"),
            ("Scaling", "scaling.md"),
            ("What sessions take", "sizes.md"),
        ),
    ),
    (
        "Moving from",
        (
            ("Mcp-Session-Id dictionaries", "moving-from-mcp-session-id.md"),
            ("FastMCP's state", "moving-from-fastmcp-state.md"),
            ("mcpstate", "moving-from-mcpstate.md"),
            ("Nuxt MCP Toolkit", "moving-from-nuxt.md"),
        ),
    ),
    ("API", ()),
    (
        "About",
        (
            ("Architecture", "architecture.md"),
            ("How speed is measured", "benchmarks.md"),
            ("What was measured", "results.md"),
            ("Contributing", "contributing.md"),
            ("Changelog", "changelog.md"),
        ),
    ),
)
"""Sections of pages, each with what it is called; those of the API are added."""
