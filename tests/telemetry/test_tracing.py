"""Requests are shown as OpenTelemetry traces where OTEL_ variables ask for them."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from app.main import create_app
from app.settings import SettingsError
from app.telemetry.tracing import Tracing, TracingError, exporter_asked_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, fake_in_process, make_settings

SCRIPT = "Unmistakable words."
SPEECH = {"script": SCRIPT, "format": "wav"}
TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Collected:
    """Holds the spans that an app has ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracing = Tracing(provider)

    def of(self, name: str) -> ReadableSpan:
        (span,) = [each for each in self._exporter.get_finished_spans() if each.name == name]
        return span

    def below(self, parent: ReadableSpan) -> dict[str, ReadableSpan]:
        spans = self._exporter.get_finished_spans()
        assert parent.context is not None
        ours = [
            each for each in spans if each.parent and each.parent.span_id == parent.context.span_id
        ]
        assert len({each.name for each in ours}) == len(ours)
        return {each.name: each for each in ours}


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    """Spans of the apps that are made in this test."""
    collected = Collected()
    monkeypatch.setattr("app.assembly.parts.make_tracing", lambda: collected.tracing)
    return collected


@pytest.mark.parametrize("stream", [True, False])
def test_the_stages_of_a_request(fake_app: ServeFake, collected: Collected, stream: bool) -> None:
    """Below the request stand its stages, one after the other; encoding goes on beside them."""
    client = fake_app(FakeEngine(frame_seconds=0.002)).client
    assert client.post("/tts", json={**SPEECH, "stream": stream}).status_code == 200
    request = collected.of("POST /tts")
    assert request.kind is SpanKind.SERVER
    assert request.parent is None
    assert request.status.status_code is StatusCode.UNSET
    stages = collected.below(request)
    encode = stages.pop("encode")
    assert list(stages) == ["prepare", "queue", "prefill", "decode"]
    in_turn = stages.values()
    times = [time for each in in_turn for time in (each.start_time or 0, each.end_time or 0)]
    assert times == sorted(times)
    assert abs(times[0] - time.time_ns()) < 60e9
    for each in (*in_turn, encode):
        assert (request.start_time or 0) <= (each.start_time or 0) + 1e6
        assert (each.end_time or 0) <= (request.end_time or 0) + 1e6


def test_what_a_span_says(fake_app: ServeFake, collected: Collected) -> None:
    """It says what the log does, and neither the text nor a key, wherever they stand."""
    client = fake_app().client
    token = client.post("/tokens", json={}).json()["token"]
    query = {"script": SCRIPT, "token": token}
    answer = client.get("/tts", params=query, headers={"X-Request-Id": "job-7", "X-API-Key": ""})
    assert answer.status_code == 200
    span = collected.of("GET /tts")
    says = dict(span.attributes or {})
    expected = {
        "http.request.method": "GET",
        "http.route": "/tts",
        "http.response.status_code": 200,
        "pocket_speech.request_id": "job-7",
        "pocket_speech.caller": "operator",
        "pocket_speech.dialect": "native",
        "pocket_speech.voice": "alba",
        "pocket_speech.characters": len(SCRIPT),
        "pocket_speech.outcome": "answered",
    }
    assert expected.items() <= says.items()
    for each in (span, *collected.below(span).values()):
        assert not {"nmistakable", KEY, token} & set(each.to_json().split())
        assert "nmistakable" not in each.to_json()
        assert token not in each.to_json()


def test_the_trace_of_the_caller(fake_app: ServeFake, collected: Collected) -> None:
    """A W3C traceparent is honoured: the request belongs to the caller's span."""
    client = fake_app().client
    client.post("/tts", json=SPEECH, headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-01"})
    client.post("/voices", headers={"traceparent": "nonsense"})
    span = collected.of("POST /tts")
    assert span.context is not None
    assert span.parent is not None
    assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE_ID, SPAN_ID)
    assert collected.of("POST /voices").parent is None


def test_who_does_not_want_a_trace(fake_app: ServeFake, collected: Collected) -> None:
    """A caller whose own trace is not sampled gets none here either."""
    client = fake_app().client
    client.post("/tts", json=SPEECH, headers={"traceparent": f"00-{TRACE_ID}-{SPAN_ID}-00"})
    client.get("/voices")
    collected.of("GET /voices")
    with pytest.raises(ValueError, match="not enough values"):
        collected.of("POST /tts")


def test_failures(fake_app: ServeFake, collected: Collected) -> None:
    """A span of what went wrong says what kind of error it was; a client's own is none of ours."""
    client = fake_app(FakeEngine(fail_after=2)).client
    assert client.post("/tts", json=SPEECH).status_code == 500
    span = collected.of("POST /tts")
    assert span.status.status_code is StatusCode.ERROR
    assert (span.attributes or {})["error.type"] == "internal_error"
    client.post("/tokens", json={"minutes": 0})
    refused = collected.of("POST /tokens")
    assert refused.status.status_code is StatusCode.UNSET
    assert (refused.attributes or {})["error.type"] == "invalid_request"


OTLP = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({}, None),
        (OTLP, "otlp"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x:1/v1/traces"}, "otlp"),
        ({"OTEL_TRACES_EXPORTER": "console"}, "console"),
        ({**OTLP, "OTEL_TRACES_EXPORTER": "none"}, None),
        ({**OTLP, "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_SERVICE_NAME": "speech"}, None),
    ],
)
def test_who_asks_for_traces(environment: Mapping[str, str], asked: str | None) -> None:
    """They are made where an exporter or its address is named, unless that is switched off."""
    assert exporter_asked_for(environment) == asked


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "OTEL_TRACES_EXPORTER: must be otlp, console or none"),
        ({**OTLP, "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "PROTOCOL: must be http/protobuf"),
    ],
)
def test_what_cannot_be_had(environment: Mapping[str, str], words: str) -> None:
    """An exporter or a protocol that there is not stops the start, and says what there is."""
    with pytest.raises(TracingError, match=words):
        exporter_asked_for(environment)


def test_traces_without_the_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces that are asked for and cannot be made stop the start; a line says what to install."""
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    for name in [each for each in sys.modules if each.startswith("opentelemetry.sdk")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk", None)
    with pytest.raises(SettingsError, match=r"is not installed: pip install opentelemetry-sdk"):
        create_app(make_settings(tmp_path))


class _Collector(BaseHTTPRequestHandler):
    """Takes traces as an OTLP collector does."""

    got: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/v1/traces":
            self.got.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


@contextmanager
def collector() -> Iterator[tuple[str, list[ExportTraceServiceRequest]]]:
    """Run a collector; give its address, and what it is sent."""
    got: list[ExportTraceServiceRequest] = []
    handler = type("Collector", (_Collector,), {"got": got})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", got
        server.shutdown()


def test_a_collector_gets_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over OTLP, with the name of the service, and the last ones before the server ends."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with collector() as (url, got):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        with fake_in_process(tmp_path) as served:
            assert served.client.post("/tts", json=SPEECH).status_code == 200
    resources = [each for request in got for each in request.resource_spans]
    names = {span.name for each in resources for scope in each.scope_spans for span in scope.spans}
    assert {"POST /tts", "queue", "prefill", "decode", "encode"} <= names
    attributes = {each.key: each.value.string_value for each in resources[0].resource.attributes}
    assert attributes["service.name"] == "pocket-speech"


def test_a_collector_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It delays nobody, and the end of the server only for a while."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("app.telemetry.tracing.FLUSH_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
        with fake_in_process(tmp_path) as served:
            assert served.client.post("/tts", json=SPEECH).status_code == 200
            ending_seconds = time.monotonic()
        assert time.monotonic() - ending_seconds < 5
