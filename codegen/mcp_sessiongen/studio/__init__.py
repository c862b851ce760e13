"""The studio: a small web application on one store, for those who run a server.

    serve       the port, the address that is printed, the end       access, guard    who may ask, and what is refused first
    state       what one running studio holds                        app              routes, and errors as pages
    listing, session, overview, changes   the pages, a module each   rendering        templates, and what all pages share
    words, json_text, charts              how things are written and drawn

What sessions are, and what may be done to them, is the library's `mcp_sessions.admin`. Imported by `mcp-sessiongen studio`
alone, when it runs; unlike the rest of this package it imports the runtime.
"""
