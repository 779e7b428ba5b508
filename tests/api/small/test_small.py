"""Small protocols of speech servers at home, by their own clients where those are packages."""

from __future__ import annotations

import http.client
import io
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from speak2mary import MaryTTS

from tests.fakes import FakeEngine
from tests.serving import Served, fake_in_process, serve_fake

# speak2mary leaves its connections to the collector of garbage.
pytestmark = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning",
    "ignore:Exception ignored:pytest.PytestUnraisableExceptionWarning",
)


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine(frames_per_chunk=10)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, engine: FakeEngine) -> Iterator[Served]:
    """Has no key, as is usual where these protocols are spoken."""
    folder = tmp_path_factory.mktemp("small")
    with serve_fake(folder, engine, api_key=None, auth_disabled=True) as served:
        yield served


def seconds_of(data: bytes) -> float:
    """How long a WAV is, whose header must tell that truly."""
    with wave.open(io.BytesIO(data)) as file:
        assert file.getnframes() * 2 + 44 == len(data)
        return float(file.getnframes() / file.getframerate())


def spoken(engine: FakeEngine) -> tuple[str, str]:
    """The voice and the text that were spoken last."""
    stream = engine.streams[-1]
    return str(getattr(stream.voice, "name", "")), " ".join(
        chunk.text for chunk in stream.job.chunks
    )


def mary(served: Served, **options: Any) -> MaryTTS:
    host, port = served.address
    return MaryTTS(host=host, port=port, **options)


def test_speak2mary(served: Served, engine: FakeEngine) -> None:
    """Home Assistant's MaryTTS integration uses it, with its own default voice and effects."""
    data = mary(served).speak("Hello there, it's 5 °C & windy.", {"Volume": "amount:2.0;"})
    assert seconds_of(data) == pytest.approx(0.8)
    assert "five degrees" in spoken(engine)[1]
    assert seconds_of(mary(served, voice="marius").speak("Hello.")) == pytest.approx(0.8)
    assert spoken(engine)[0] == "marius"
    assert seconds_of(mary(served).speak("🙂")) == pytest.approx(0.2)


def test_what_mary_is_refused(served: Served) -> None:
    """Voices, languages and formats that are not here."""
    for options, words in (
        ({"voice": "nobody"}, "404"),
        ({"locale": "tr"}, "400"),
        ({"codec": "AIFF_FILE"}, "AUDIO must be WAVE_FILE"),
        ({"input_type": "SSML"}, "INPUT_TYPE must be TEXT"),
    ):
        with pytest.raises(Exception, match=words):
            mary(served, **options).speak("Hello.")


def test_mary_by_get(served: Served) -> None:
    """MaryTTS answers GET as well."""
    answer = served.client.get("/process", params={"INPUT_TEXT": "Hello.", "LOCALE": "en_GB"})
    assert seconds_of(answer.content) == pytest.approx(0.8)


def test_mary_with_very_many_fields(served: Served) -> None:
    """They are refused before they are read."""
    answer = served.client.post("/process", content=b"a=&" * 100_000)
    assert answer.status_code == 400
    assert "fields" in answer.text


def test_mary_with_a_long_body(tmp_path: Path) -> None:
    """A form has as many bytes as the longest script needs, not as many as a recording."""
    with fake_in_process(tmp_path, max_script_chars=1000) as served:
        longest = {"INPUT_TEXT": "Hello there 🙂. " * 60}
        assert served.client.post("/process", data=longest).status_code == 200
        longer = {"INPUT_TEXT": "Hello there. ", "more": "a" * 100_000}
        assert served.client.post("/process", data=longer).status_code == 413


def test_ovos(served: Served, engine: FakeEngine) -> None:
    """The plug-in of OVOS asks so, and takes 5 s at most."""
    answer = served.client.get(
        "/v2/synthesize", params={"lang": "en-us", "voice": "marius", "utterance": "Hello there."}
    )
    assert seconds_of(answer.content) == pytest.approx(0.8)
    assert spoken(engine) == ("marius", "Hello there.")
    missing = served.client.get("/v2/synthesize", params={"voice": "alba"})
    assert missing.status_code == 400
    assert "utterance" in missing.json()["detail"]


def test_piper(served: Served, engine: FakeEngine) -> None:
    """Clients of Piper's HTTP server post JSON to its root, mostly without a type."""
    host, port = served.address
    connection = http.client.HTTPConnection(host, port)
    connection.request("POST", "/", b'{"text": "Hello there.", "voice": "alba", "speaker_id": 0}')
    assert seconds_of(connection.getresponse().read()) == pytest.approx(0.8)
    connection.close()
    slow = served.client.post("/", json={"text": "Hello there.", "length_scale": 2})
    assert seconds_of(slow.content) == pytest.approx(1.6, abs=0.15)
    refused = served.client.post("/", json={"text": "Hello.", "length_scale": 9})
    assert (refused.status_code, "length_scale" in refused.json()["detail"]) == (400, True)
    assert served.client.get("/").json()["name"]


def test_xtts(served: Served, engine: FakeEngine) -> None:
    """SillyTavern lists the speakers, sends its settings, and speaks whole or live."""
    client = served.client
    speakers = {each["voice_id"]: each for each in client.get("/speakers").json()}
    assert {"alba", "marius"} <= set(speakers)
    assert client.get(speakers["alba"]["preview_url"]).headers["content-type"].startswith("audio/")
    assert "alba" in client.get("/speakers_list").json()
    assert client.get("/languages").json() == {"languages": {"en": "en"}}
    settings = {"temperature": 0.75, "speed": 1, "stream_chunk_size": 100}
    assert client.post("/set_tts_settings", json=settings).status_code == 200
    said = {"text": "Hello there.", "speaker_wav": "marius.wav", "language": "en"}
    whole = client.post("/tts_to_audio/", json=said)
    assert seconds_of(whole.content) == pytest.approx(0.8)
    assert spoken(engine) == ("marius", "Hello there.")
    live = client.get("/tts_stream/", params=said)
    assert live.headers["content-type"] == "audio/wav"
    assert len(live.content) == pytest.approx(0.8 * 48000, abs=100)


def test_key(tmp_path_factory: pytest.TempPathFactory) -> None:
    """On a server with a key all of them need one; a token may stand in the address."""
    with fake_in_process(tmp_path_factory.mktemp("keyed")) as keyed:
        client = keyed.client
        token = client.post("/tokens", json={}).json()["token"]
        keyless = {"X-API-Key": ""}
        for path, text in (
            ("/v2/synthesize", "utterance"),
            ("/process", "INPUT_TEXT"),
            ("/tts_stream", "text"),
        ):
            query = {text: "Hi there."}
            assert client.get(path, params=query).status_code == 200
            assert client.get(path, params=query, headers=keyless).status_code == 401
            with_token = {**query, "token": token}
            assert client.get(path, params=with_token, headers=keyless).status_code == 200
        assert client.post("/", json={"text": "Hi."}, headers=keyless).status_code == 401
