"""Every mistake gets an answer that names it."""

from __future__ import annotations

import gzip
import json
import re
import time
from typing import Any

import httpx
import pytest

from app.errors import SpeechError
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeStream
from tests.serving import KEY, LogRecords, Served, error_of, send_raw, status_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}

BAD_FIELDS: tuple[tuple[dict[str, Any], str | None, str], ...] = (
    ({"script": 5}, "script", "valid string"),
    ({"script": None}, "script", "is required"),
    ({"script": ["a"]}, "script", "valid string"),
    ({"script": "Hi", "format": "MP4 "}, "format", "it is 'MP4 '"),
    ({"script": "Hi", "format": 3}, "format", "valid string"),
    ({"script": "Hi", "type": "stream"}, "type", "'file' or 'url'"),
    ({"script": "Hi", "stream": "maybe"}, "stream", "boolean"),
    ({"script": "Hi", "model": {"id": "alba"}}, "model", "valid string"),
    ({"script": "Hi", "voice": 7}, "voice", "valid string"),
    ({"scirpt": "Hi"}, "scirpt", "did you mean 'script'?"),
    ({"script": "Hi", "fromat": "mp3"}, "fromat", "did you mean 'format'?"),
    ({"script": "Hi", "tempo": 2}, "tempo", "unknown field"),
    ({"script": "Hi", "sped": 2}, "sped", "did you mean 'speed'"),
)


@pytest.mark.parametrize(("body", "field", "words"), BAD_FIELDS)
def test_bad_fields(
    client: httpx.Client, body: dict[str, Any], field: str | None, words: str
) -> None:
    """A bad field is a 400 that names the field and what is allowed."""
    error = error_of(client.post("/tts", json=body), 400)
    assert error["type"] == "invalid_request"
    assert error["field"] == field
    assert words in error["message"]


@pytest.mark.parametrize(
    ("content", "headers", "words"),
    [
        (b"{'script': 'Hi'}", JSON, "not valid JSON"),
        (b'{"script": "Hi"', JSON, "not valid JSON"),
        (b"", JSON, "missing or malformed"),
        (b"null", JSON, "it is null"),
        (b"[]", JSON, "it is a list"),
        (b'"Hi"', JSON, "it is a text"),
        (b"7", JSON, "it is a number"),
        (b'{"script": "Hi"}', {"Content-Type": "text/plain"}, "Content-Type: application/json"),
        (b'{"script": "\\ud800 alone"}', JSON, "half a surrogate pair"),
        (b'{"\\ud800": 1, "script": "Hi"}', JSON, "missing or malformed"),
        (b'{"script": "\xff\xfe"}', JSON, "is not UTF-8 (byte 12 is 0xFF)"),
        (b"[" * 200_000, JSON, "nested too deeply"),
        (b'{"script": ' + b"9" * 5_000 + b"}", JSON, "a number has too many digits"),
    ],
)
def test_bad_bodies(
    client: httpx.Client, content: bytes, headers: dict[str, str], words: str
) -> None:
    """A body that is no JSON object is a 400 that says what it should be."""
    error = error_of(client.post("/tts", content=content, headers=headers), 400)
    assert words in error["message"]


@pytest.mark.parametrize("path", ["/tts", "/tts/clone", "/voices"])
def test_json_that_says_it_is_a_form(client: httpx.Client, path: str) -> None:
    """It is what `curl -d` sends, and is told how to say better."""
    answer = client.post(path, content=b' {"script": "Hi"}', headers=FORM)
    assert answer.status_code == 400
    assert "the body is JSON, but Content-Type says application/x-www-form" in answer.text
    assert "send Content-Type: application/json" in answer.text


@pytest.mark.parametrize(("path", "field"), [("/tts", "script"), ("/v1/tts", "text")])
@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("cp1252", "is not UTF-8 (byte 1 is 0x"),
        ("cp1252", "seems to be Windows-1252 (cp1252); send it as UTF-8"),
        ("cp850", "is not UTF-8"),
        ("shift-jis", "do not tell in which encoding it is"),
    ],
)
def test_other_encodings(
    client: httpx.Client, path: str, field: str, encoding: str, words: str
) -> None:
    """A body that is not UTF-8 is told which encoding it seems to be."""
    script = "スピーチ" if encoding == "shift-jis" else "Grüße"
    content = json.dumps({field: script}, ensure_ascii=False).encode(encoding)
    answer = client.post(path, content=content, headers=JSON)
    assert answer.status_code == 400
    assert re.sub(r"byte \d+", "byte 1", words) in re.sub(r"byte \d+", "byte 1", answer.text)


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8-sig", None),
        ("utf-16", None),
        ("utf-16-le", None),
        ("utf-32", None),
        ("utf-16", "utf-16"),
        ("cp1252", "windows-1252"),
        ("latin-1", "ISO-8859-1"),
        ("utf-8", "nonsense"),
    ],
)
def test_encodings_that_say_what_they_are(
    fake_app: ServeFake, encoding: str, charset: str | None
) -> None:
    """Marks, zeros and the charset of the Content-Type tell how to read the text."""
    engine = FakeEngine()
    kind = "application/json" + (f"; charset={charset}" if charset else "")
    content = json.dumps({"script": "Grüße an euch."}, ensure_ascii=False).encode(encoding)
    answer = fake_app(engine).client.post("/tts", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 200, answer.text
    assert engine.streams[0].job.chunks[0].text == "Grüße an euch."


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
def test_compressed_bodies(client: httpx.Client, kind: str) -> None:
    """A compressed body is told so, whether its header or its bytes say it."""
    content = gzip.compress(b'{"script": "Hi"}')
    for packing in ("gzip", "br", "deflate, gzip"):
        headers = {"Content-Type": kind, "Content-Encoding": packing}
        answer = client.post("/tts", content=content, headers=headers)
        assert answer.status_code == 400
        assert f"compressed (Content-Encoding: {packing})" in answer.text
    answer = client.post("/tts", content=content, headers={"Content-Type": kind})
    assert answer.status_code == 400
    assert "is compressed (gzip)" in answer.text
    headers = {"Content-Type": "application/json", "Content-Encoding": "identity"}
    plain = client.post("/tts", content=b'{"script": "Hi"}', headers=headers)
    assert plain.status_code == 200


def test_surrogates_everywhere(client: httpx.Client) -> None:
    """Half a surrogate pair in any field is the client's mistake and can be told to it."""
    for field in ("model", "format", "type", "voice"):
        content = json.dumps({"script": "Hi", field: "\ud800"}).encode()
        answer = client.post("/tts", content=content, headers=JSON)
        assert answer.status_code in (400, 404), field
        assert answer.json()["error"]["field"] in (field, "voice")


def test_script_of_a_megabyte(client: httpx.Client) -> None:
    """A body that no allowed script needs is a 413 as well."""
    assert (
        "larger than" in error_of(client.post("/tts", json={"script": "a" * 10**6}), 413)["message"]
    )


def test_longest_script_in_its_longest_form(fake_app: ServeFake) -> None:
    """The limit of the body leaves room for the longest script, however it is escaped."""
    served = fake_app(max_script_chars=5_000)
    content = json.dumps({"script": "\U0001d538" * 5_000}).encode()
    assert len(content) > 60_000
    answer = served.client.post("/tts", content=content, headers=JSON)
    assert answer.status_code == 200


@pytest.mark.parametrize("framing", ["Content-Length: 99999999", "Transfer-Encoding: chunked"])
def test_body_over_the_limit_is_not_awaited(server: Served, framing: str) -> None:
    """A body over the limit is refused while it comes, whether or not its length is declared."""
    head = (
        f"POST /tts HTTP/1.1\r\nHost: x\r\nX-API-Key: {KEY}\r\n"
        f"Content-Type: application/json\r\n{framing}\r\n\r\n"
    )
    chunk = b"%x\r\n%s\r\n" % (1_000_000, b" " * 1_000_000) if "chunked" in framing else b"{"
    assert status_of(send_raw(server.address, head.encode() + chunk)) == 413


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/tts", "GET, POST"), ("/tts/clone", "POST"), ("/v1/audio/speech", "POST")],
)
def test_wrong_method(client: httpx.Client, path: str, allowed: str) -> None:
    """A method that the path does not have is a 405 that says which it has."""
    answer = client.put(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    message = answer.json()["error"]["message"]
    assert message == f"PUT is not allowed at {path}; allowed: {allowed}"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/voices", "GET, POST"),
        ("POST", "/voices/alba", "DELETE, GET, PATCH"),
        ("PUT", "/openai/v1/audio/voices", "GET, POST"),
        ("POST", "/elevenlabs/v1/voices/alba", "DELETE, GET"),
    ],
)
def test_every_method_of_a_path_is_named(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    """All methods count, also where each has a route of its own."""
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allowed
    assert f"{method} is not allowed at {path}; allowed: {allowed}" in answer.text


def test_nothing_there(client: httpx.Client) -> None:
    """An unknown path is a 404 that points to the docs."""
    error = error_of(client.get("/ttts"), 404)
    assert error["type"] == "not_found"
    assert "/docs" in error["message"]


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/v1/v1/audio/speech", "/v1/audio/speech"),
        ("/audio/speech", "/v1/audio/speech"),
        ("/v1/audio/speech/audio/speech", "/v1/audio/speech"),
        ("/v1/audio/speech/v1/audio/speech", "/v1/audio/speech"),
        ("/V1/Audio/Speech", "/v1/audio/speech"),
        ("/api/v1/audio/speech", "/v1/audio/speech"),
        ("/v1/audio/speach", "/v1/audio/speech"),
        ("/openai/v1/v1/audio/speech", "/openai/v1/audio/speech"),
        ("/text-to-speech/alba", "/v1/text-to-speech/alba"),
        ("/v1/v1/text-to-speech/alba/stream", "/v1/text-to-speech/alba/stream"),
        ("/ttts", "/tts"),
        ("/v1/tts/clone", "/tts/clone"),
        ("/docs/tts", "/tts"),
        ("/v1/add_speaker", "/add_speaker"),
        ("/voice", "/voices"),
        ("/voices/alba/previe", "/voices/alba/preview"),
        ("/v1/text_to_speech/alba/stream", "/v1/text-to-speech/alba/stream"),
        ("/openai/v1/audio/voice_consent/x1", "/openai/v1/audio/voice_consents/x1"),
    ],
)
def test_nearly_there(client: httpx.Client, path: str, meant: str) -> None:
    """A path with a part too many, too few or misspelt is a 404 that names the right one."""
    url = client.base_url.copy_with(raw_path=path.encode())
    answer = client.post(url, json={})
    assert answer.status_code == 404
    assert f"there is nothing at {path}; did you mean {meant}?" in answer.text


@pytest.mark.parametrize(
    "path", ["/tts/", "//tts", "/v1//audio/speech", "//openai//v1/audio/speech//", "/pocket/tts/"]
)
def test_slashes(client: httpx.Client, path: str) -> None:
    """Slashes too many do no harm: base URLs end with one, or do not."""
    url = client.base_url.copy_with(raw_path=path.encode())
    answer = client.post(url, json={})
    assert answer.status_code == 400
    assert "form" in answer.text or "required" in answer.text


def test_json_of_no_type(client: httpx.Client) -> None:
    """A body without a Content-Type is JSON where JSON is taken."""
    for path, field in (("/tts", "script"), ("/v1/audio/speech", "input"), ("/speak", "text")):
        body = json.dumps({field: "Hi."})
        assert client.post(path, content=body).status_code == 200


@pytest.mark.parametrize("path", ["/health", "/voices", "/v1/models", "/tts?script=Hi"])
def test_head(client: httpx.Client, path: str) -> None:
    """HEAD is answered as GET is, without a body."""
    got, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


def test_nowhere_for_elevenlabs(client: httpx.Client) -> None:
    """Whoever sends ElevenLabs' header reads of a path that is not there in ElevenLabs' shape."""
    for path in ("/v1/nothing", "/nothing", "/v3/x"):
        answer = client.get(path, headers={"xi-api-key": "x"})
        assert answer.status_code == 404
        assert answer.json()["detail"]["status"] == "not_found"


def test_nearly_there_in_a_dialect(client: httpx.Client) -> None:
    """The answer has the shape that the clients of the path that was meant understand."""
    answer = client.post("/audio/speech", json={})
    assert answer.json()["error"]["type"] == "invalid_request_error"
    answer = client.post("/text-to-speech/alba", json={})
    assert answer.json()["detail"]["status"] == "not_found"


@pytest.mark.parametrize(
    "path", ["/xyzzy", "/" + "a/" * 4000, "/%0aHi", "/v1" * 200, "/" + "x" * 4000]
)
def test_far_from_anything(client: httpx.Client, path: str) -> None:
    """A path that resembles none is answered quickly, and points to the docs."""
    started = time.monotonic()
    answer = client.get(path)
    assert time.monotonic() - started < 2
    assert answer.status_code == 404
    assert "did you mean" not in answer.text
    assert "see /docs" in answer.text


def test_queue_timeout(fake_app: ServeFake) -> None:
    """A request that gets no audio in time is a 429, and its work is stopped."""
    engine = FakeEngine(hold_after=0)
    served = fake_app(engine, queue_timeout_seconds=0.2)
    answer = served.client.post("/tts", json={"script": "Hi"})
    assert error_of(answer, 429)["type"] == "overloaded"
    assert int(answer.headers["retry-after"]) >= 1
    assert engine.streams[0].aborted.is_set()


class BuggyEngine(FakeEngine):
    def submit(self, job: object) -> FakeStream:
        raise ZeroDivisionError("secret inner words")


@pytest.mark.parametrize("path", ["/tts", "/v1/audio/speech"])
def test_our_own_fault(fake_server: ServeFake, log_records: LogRecords, path: str) -> None:
    """A bug is a 500 with a request id and without a trace; the trace is in the log."""
    body = {"script": "Hi"} if path == "/tts" else {"input": "Hi"}
    answer = fake_server(BuggyEngine()).client.post(path, json=body)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    log_records.wait_for(
        lambda each: each.exc_info is not None and each.exc_info[0] is ZeroDivisionError
    )


def test_our_own_fault_is_logged_with_its_id(fake_app: ServeFake, log_records: LogRecords) -> None:
    """A failed synthesis is in the log with the words and the id that the client got."""
    answer = fake_app(FakeEngine(fail_after=0)).client.post("/tts", json={"script": "Hi"})
    request_id = error_of(answer, 500)["request_id"]
    said = [each for each in log_records.kept if each.getMessage() == "the fake engine broke"]
    assert [getattr(each, "request_id", None) for each in said] == [request_id]


def test_errors_keep_their_words() -> None:
    """Every error of the tree carries its message in words for the caller."""
    assert SpeechError("words").message == str(SpeechError("words")) == "words"
