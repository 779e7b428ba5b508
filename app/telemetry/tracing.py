"""Shows requests as OpenTelemetry traces, where the standard OTEL_ variables ask for that.

The SDK is no part of the server's own packages: `pip install 'pocket-speech[tracing]'` brings it,
and it is imported only where it is asked for.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from app.request_record import Value

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span, Tracer

logger = logging.getLogger(__name__)

SERVICE_NAME = "pocket-speech"
FLUSH_SECONDS = 5.0
"""At the end the last traces have so long to reach their collector."""
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP = "http/protobuf"


class TracingError(Exception):
    """Says in one line why no traces can be had as they are asked for."""


def exporter_asked_for(environment: Mapping[str, str] = os.environ) -> str | None:
    """Return which exporter the environment asks for, `otlp` or `console`; None for no traces.

    Raises:
        TracingError: it asks for one that there is not.
    """
    asked = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or asked == "none":
        return None
    if not asked and not any(environment.get(name) for name in _ENDPOINTS):
        return None
    if asked not in ("", "otlp", "console"):
        raise TracingError(f"OTEL_TRACES_EXPORTER: must be otlp, console or none; it is {asked!r}")
    for name in _PROTOCOLS:
        if asked != "console" and environment.get(name, _HTTP) not in ("", _HTTP):
            raise TracingError(f"{name}: must be {_HTTP}; it is {environment[name]!r}")
    return asked or "otlp"


def make_tracing() -> Tracing | None:
    """Make what shows requests as traces; None if the environment does not ask for that.

    Raises:
        TracingError: what it takes is not installed, or cannot be as asked for.
    """
    asked = exporter_asked_for()
    if asked is None:
        return None
    try:
        return Tracing(_provider(_exporter(asked)))
    except ImportError as error:
        raise TracingError(
            f"traces are asked for (OTEL_…), but {error.name} is not installed: "
            "pip install opentelemetry-sdk opentelemetry-exporter-otlp-proto-http"
        ) from error


def _exporter(name: str) -> SpanExporter:
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter  # noqa: PLC0415

        return ConsoleSpanExporter()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
        OTLPSpanExporter,
    )

    return OTLPSpanExporter()


def _provider(exporter: SpanExporter) -> TracerProvider:
    """Make a provider of this app's own; what is global belongs to whoever embeds the app."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME
    provider = TracerProvider(
        resource=Resource.create({"service.name": name}), shutdown_on_exit=False
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


class Tracing:
    """Begins a trace for each request, or goes on with that of its caller.

    Args:
        provider: makes spans; closed with this.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer(SERVICE_NAME)

    def begin(self, headers: Mapping[str, str]) -> RequestTrace:
        """Begin the span of a request.

        Args:
            headers: by their names in small letters; a W3C `traceparent` names the caller's span.
        """
        return RequestTrace(self._tracer, headers)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Send the last traces at the end of the block."""
        try:
            yield
        finally:
            # The exporter waits and tries again for as long as it likes.
            closing = threading.Thread(target=self._provider.shutdown, daemon=True)
            closing.start()
            await asyncio.to_thread(closing.join, FLUSH_SECONDS)
            if closing.is_alive():
                logger.warning("the last traces did not reach their collector in time")


class RequestTrace:
    """Shows one request as a span, and its stages as spans below that."""

    def __init__(self, tracer: Tracer, headers: Mapping[str, str]) -> None:
        from opentelemetry.trace import SpanKind, set_span_in_context  # noqa: PLC0415
        from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415
            TraceContextTextMapPropagator,
        )

        # Looked up once, or stages that meet would overlap by the time between two looks.
        self._epoch_ns = time.time_ns() - time.monotonic_ns()
        caller = TraceContextTextMapPropagator().extract(headers)
        self._tracer = tracer
        self._span: Span = tracer.start_span("request", caller, SpanKind.SERVER)
        self._inside = set_span_in_context(self._span)

    def stage(self, name: str, began_seconds: float, ended_seconds: float) -> None:
        """Show a stage that is over. Times are those of `time.monotonic`."""
        began_ns, ended_ns = (
            self._epoch_ns + round(seconds * 1e9) for seconds in (began_seconds, ended_seconds)
        )
        self._tracer.start_span(name, self._inside, start_time=began_ns).end(ended_ns)

    def end(self, name: str, fields: Mapping[str, Value], *, failed: bool) -> None:
        """Show the whole request, which ends now.

        Args:
            fields: by their names in this server's log, or in OpenTelemetry's conventions.
            failed: whether this server is to blame for what became of it.
        """
        from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415

        self._span.update_name(name)
        for field, value in fields.items():
            self._span.set_attribute(field if "." in field else f"pocket_speech.{field}", value)
        if failed:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
