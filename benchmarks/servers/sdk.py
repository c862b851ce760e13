"""A server on the official SDK with one tool, in two forms: without a session, and with one get and one set."""

import argparse
from typing import Any

from mcp.server import MCPServer

from mcp_sessions.server import Sessions
from mcp_sessions.stores import open_store
from servers.metered import serve
from state.wizard import WizardSession


async def plain(by: int) -> str:
    """Answer without a session."""
    return f"Step {by}"


async def visit(by: int, wizard: WizardSession) -> str:
    """Read one value of the session and write it."""
    step = await wizard.get_step()
    await wizard.set_step(step % 1000 + by)
    return f"Step {step}"


async def fill(text: str, wizard: WizardSession) -> str:
    """Keep something else in the session."""
    await wizard.set_project_name(text)
    return "Filled"


def bare() -> Any:
    """Return the application of a server that knows nothing of sessions."""
    server = MCPServer("bare", log_level="WARNING")
    server.add_tool(plain)
    return server.streamable_http_app(streamable_http_path="/mcp", stateless_http=True)


def with_sessions(url: str, *, encrypted: bool) -> Any:
    """Return the application of a server whose sessions are in the store at a URL."""
    store = open_store(url)
    if encrypted:
        from mcp_sessions.stores.encrypted import EncryptedStore, new_key

        store = EncryptedStore(store, [new_key()])
    sessions = Sessions(store, schemas=[WizardSession])
    server = MCPServer("sessions", extensions=[sessions], log_level="WARNING")
    for tool in (plain, visit, fill):
        server.add_tool(tool)
    return sessions.http_app(server)


def watch() -> None:
    """Set up OpenTelemetry, with an exporter that throws away what it gets."""
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: Any) -> SpanExportResult:
            del spans
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="its URL; without one, the server has no sessions")
    parser.add_argument("--encrypted", action="store_true")
    parser.add_argument("--watched", action="store_true", help="with OpenTelemetry")
    parser.add_argument("--loop", default="asyncio")
    options = parser.parse_args()
    if options.watched:
        watch()
    serve(with_sessions(options.store, encrypted=options.encrypted) if options.store else bare(), options.loop)


if __name__ == "__main__":
    main()
