"""Forms: of any size without holding anybody up, and what is told of those that are none."""

from __future__ import annotations

import asyncio
import base64
import time
import unicodedata
from collections.abc import Iterator
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from starlette.types import Message

from app.api.http.clip_input import clip_from_text
from app.api.http.forms import URLENCODED, BodyRequest
from app.services import Services
from app.work import ByteBudget, make_pools
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import detail_of

RECORDING_BYTES = 15_000_000
SERVICES = cast("Services", SimpleNamespace(pools=make_pools()))


async def read(body: bytes) -> list[tuple[str, str]]:
    """The fields of a urlencoded form, of which 64 KiB come at a time."""
    pieces: Iterator[int] = iter(range(0, len(body) + 1, 1 << 16))

    async def receive() -> Message:
        await asyncio.sleep(0)
        start = next(pieces)
        end = start + (1 << 16)
        return {"type": "http.request", "body": body[start:end], "more_body": end <= len(body)}

    headers = [(b"content-type", URLENCODED.encode()), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "POST", "headers": headers}
    with ByteBudget(10**9).hold() as held:
        form = await BodyRequest(scope, receive, services=SERVICES, held=held, words={}).form()
    return [(name, value) for name, value in form.multi_items() if isinstance(value, str)]


async def test_nobody_is_held_up() -> None:
    """While a form with a long recording is read, the event loop goes on serving others."""
    encoded = base64.b64encode(bytes(range(256)) * (RECORDING_BYTES // 256)).decode()
    body = urlencode({"text": "Hello.", "reference_audio": encoded}).encode()
    pauses_seconds = []

    async def note_pauses() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.002)
            pauses_seconds.append(time.perf_counter() - before)

    noting = asyncio.create_task(note_pauses())
    await asyncio.sleep(0.01)
    started = time.perf_counter()
    fields = dict(await read(body))
    clip = await asyncio.to_thread(clip_from_text, fields["reference_audio"], 1 << 30)
    took_seconds = time.perf_counter() - started
    await asyncio.sleep(0.01)
    noting.cancel()
    assert len(clip.data) > RECORDING_BYTES - 256
    # Read on the event loop, it would be one pause that is as long as the whole.
    assert max(pauses_seconds) < 0.5 * took_seconds


@given(st.lists(st.tuples(st.text(max_size=20), st.text(max_size=20)), max_size=8))
@hypothesis_settings(max_examples=60, deadline=None)
def test_fields(fields: list[tuple[str, str]]) -> None:
    """What was sent is what is read, in order, also under the same name twice."""
    fields = [(name, value) for name, value in fields if (name + value).isprintable()]
    assert asyncio.run(read(urlencode(fields).encode())) == fields


@pytest.mark.parametrize("ahead", range(4))
async def test_escapes_where_pieces_meet(ahead: int) -> None:
    """No escape is torn apart, wherever it stands in a long text."""
    value = "x" * ahead + "+/=ü" * 40_000
    assert await read(urlencode({"text": value}).encode()) == [("text", value)]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"", []),
        (b"&&", []),
        (b"a", [("a", "")]),
        (b"a=&b=c=d", [("a", ""), ("b", "c=d")]),
        (b"a=100%&b=%zz%2", [("a", "100%"), ("b", "%zz%2")]),
        (b"a=caf%E9", [("a", "café")]),
        ("a=ü".encode(), [("a", "ü")]),
    ],
)
async def test_odd_forms(body: bytes, fields: list[tuple[str, str]]) -> None:
    """What browsers would not send is read as well as it can be."""
    assert await read(body) == fields


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-le", "utf-8-sig"])
def test_texts_of_other_encodings(fake_server: ServeFake, encoding: str) -> None:
    """A field that a Windows shell wrote, or that comes from a file, is read as it was meant."""
    text = "“Grüße” für euch."
    engine = FakeEngine()
    client = fake_server(engine).client
    part = {"text": (None, text.encode(encoding))}
    assert client.post("/pocket/tts", files=part).status_code == 200
    form = urlencode({"text": text.encode(encoding)}).encode()
    kind = {"Content-Type": URLENCODED}
    assert client.post("/pocket/tts", content=form, headers=kind).status_code == 200
    assert {stream.job.chunks[0].text for stream in engine.streams} == {'"Grüße" für euch.'}


PART = b'--x\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi\r\n'
NAMELESS = b"--x\r\nContent-Disposition: form-data\r\n\r\nHi\r\n--x--\r\n"
FILE_PART = b'--x\r\nContent-Disposition: form-data; name="voice_wav"; filename="v"\r\n\r\nRIFF'
BROKEN = "the body is not a valid form: "


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (b"x", "multipart/form-data", f"{BROKEN}missing boundary in multipart; let your HTTP"),
        (b"--y\r\nbroken", "multipart/form-data; boundary=x", f"{BROKEN}invalid multipart data"),
        (NAMELESS, "multipart/form-data; boundary=x", 'header field "name" must be provided'),
        (PART * 1001 + b"--x--", "multipart/form-data; boundary=x", f"{BROKEN}too many fields"),
        (b"a=b&" * 1001, URLENCODED, "the form has more than the 1000 fields allowed"),
        (b"{}", "application/json", "sent as multipart/form-data or application/x-www-form"),
        (b"Hi", "text/plain", "it is text/plain"),
        (b"text=\x1f\x8b\x08", URLENCODED, "a field of the form is compressed (gzip)"),
        (PART + b"--x\r\n", "multipart/form-data; boundary=x", "ends before its closing boundary"),
        (PART + FILE_PART, "multipart/form-data; boundary=x", "ends before its closing boundary"),
    ],
)
def test_refusals(client: httpx.Client, body: bytes, kind: str, words: str) -> None:
    """A body that is no form is a 400 that says what is wrong with it and what to send."""
    for path in ("/clone_voice", "/pocket/tts"):
        answer = client.post(path, content=body, headers={"Content-Type": kind})
        assert words in detail_of(answer, 400)


def test_a_body_of_no_type(client: httpx.Client) -> None:
    """Only its sender knows what it is."""
    request = client.build_request("POST", "/pocket/tts", content=b"text=Hi")
    request.headers.pop("Content-Type", None)
    assert "must be a form" in detail_of(client.send(request), 400)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("utf-8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("shift_jis", "cp932"),
        ("undefined", "utf-8"),
        ("punycode", "utf-8"),
    ],
)
def test_charsets(fake_app: ServeFake, charset: str, encoding: str) -> None:
    """A form may name the charset of its texts; one that is not read on the web is not used."""
    engine = FakeEngine()
    kind = f'multipart/form-data; charset={charset}; boundary="a b"'
    text = "Ｈｅｌｌｏ" if encoding == "cp932" else "Grüße"
    body = f'--a b\r\nContent-Disposition: form-data; name="text"\r\n\r\n{text}\r\n--a b--\r\n'
    answer = fake_app(engine).client.post(
        "/v1/tts", content=body.encode(encoding), headers={"Content-Type": kind}
    )
    assert answer.status_code == 200, answer.text
    spoken = unicodedata.normalize("NFKC", text)
    assert engine.streams[0].job.chunks[0].text == spoken
