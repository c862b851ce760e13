"""The studio: a small web application on one store, for those who run a server.

    serve                                 the port, the address that is printed, the end
    access, guard                         who may ask, and what is refused before any page
    app, state, surveys                   routes, errors; what a running studio holds; work on the whole store
    listing, session, overview, changes   the pages
    rendering, rows                       templates, and what several pages share
    words, json_text, charts              how things are written and drawn

What sessions are, and what may be done to them, is the library's `mcp_sessions.admin`. Only `mcp-sessiongen studio`
imports this package, when it runs; unlike the rest of the compiler it imports the runtime.
"""
