"""ElevenLabs' speech, asked for with ElevenLabs' own SDK."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest
from elevenlabs import (
    AsyncElevenLabs,
    CharacterAlignmentResponseModel,
    ElevenLabs,
    VoiceSettings,
)
from elevenlabs.core import ApiError
from elevenlabs.text_to_speech.types import TextToSpeechConvertRequestOutputFormat

from app.api.elevenlabs.formats import OUTPUT_FORMATS
from tests.api.elevenlabs.sdk import ONCE, TEXT, detail_of, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.listening import listen
from tests.serving import KEY, Served, serve_fake


@pytest.fixture
def sdk(server: Served) -> ElevenLabs:
    return sdk_for(server)


@pytest.fixture(scope="module")
def two_seconds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ElevenLabs]:
    """The SDK at a server that speaks two seconds of a tone, whatever it is given."""
    with serve_fake(tmp_path_factory.mktemp("fake"), FakeEngine(frames_per_chunk=25)) as served:
        yield sdk_for(served)


def test_every_format_of_the_sdk_is_there() -> None:
    """The table has the formats that the SDK's own types list, and no other."""
    literal, _ = get_args(TextToSpeechConvertRequestOutputFormat)
    assert sorted(OUTPUT_FORMATS) == sorted(get_args(literal))


@pytest.mark.parametrize("name", OUTPUT_FORMATS)
def test_formats(two_seconds: ElevenLabs, name: str) -> None:
    """Each format can be asked for through the SDK, and has the bitrate that its name says."""
    data = b"".join(two_seconds.text_to_speech.convert("alba", text=TEXT, output_format=name))
    codec, rate_hz, *kbps = name.split("_")
    if codec == "mp3":
        assert abs(len(data) * 8 / 2.0 / 1000 - int(kbps[0])) < 0.1 * int(kbps[0]) + 2
    elif codec != "opus":
        bytes_a_sample = 1 if codec in ("ulaw", "alaw") else 2
        assert len(data) == 2 * int(rate_hz) * bytes_a_sample + (44 if codec == "wav" else 0)


def test_timestamps(two_seconds: ElevenLabs, ffmpeg: Path, tmp_path: Path) -> None:
    """Where times of characters are asked for, the audio is all there, complete and as a stream."""
    speech = two_seconds.text_to_speech
    whole = speech.convert_with_timestamps("alba", text=TEXT)
    pieces = list(speech.stream_with_timestamps("alba", text=TEXT))
    assert len(pieces) > 1
    for encoded in ([whole.audio_base_64], [piece.audio_base_64 for piece in pieces]):
        data = b"".join(map(base64.b64decode, encoded))
        heard = listen(ffmpeg, tmp_path, data, "mp3")
        assert abs(len(heard.pcm) / 44100 - 2.0) < 0.12


def test_times_of_all_characters(two_seconds: ElevenLabs) -> None:
    """Complete and as a stream, every character of both spellings has the same time, once."""
    text = "\nIt is $3.50 [pause 1s] — 😀 really!  \n"
    speech = two_seconds.text_to_speech
    arguments: Any = {"voice_id": "alba", "text": text, "output_format": "pcm_24000"}
    whole = speech.convert_with_timestamps(**arguments)
    pieces = list(speech.stream_with_timestamps(**arguments))
    # Nothing is known of a word before it has been spoken.
    assert pieces[0].audio_base_64
    assert pieces[0].alignment is pieces[0].normalized_alignment is None
    for written, alignment, parts in (
        (text, whole.alignment, [piece.alignment for piece in pieces]),
        (
            "It is three dollars and fifty cents — really!",
            whole.normalized_alignment,
            [piece.normalized_alignment for piece in pieces],
        ),
    ):
        assert alignment is not None
        found = times_of(alignment)
        assert "".join(character for character, *_ in found) == written
        assert all(one[2] <= other[1] for one, other in pairwise(found))
        # Two chunks of two seconds, and the pause between them
        assert 4.9 < found[-1][2] <= 5.0
        assert [each for part in parts if part for each in times_of(part)] == found
    found = times_of(whole.alignment)
    pause = found[text.index("[") : text.index("]")]
    assert pause[-1][2] - pause[0][1] > 0.6


def times_of(alignment: CharacterAlignmentResponseModel | None) -> list[tuple[str, float, float]]:
    assert alignment is not None
    return list(
        zip(
            alignment.characters,
            alignment.character_start_times_seconds,
            alignment.character_end_times_seconds,
            strict=True,
        )
    )


def test_streaming(fake_server: ServeFake) -> None:
    """Both kinds of streams give audio while the rest is still being made."""
    engine = FakeEngine(frames_per_chunk=50, hold_after=30)
    speech = sdk_for(fake_server(engine)).text_to_speech
    plain = speech.stream("alba", text=TEXT, output_format="pcm_24000")
    timed = speech.stream_with_timestamps("alba", text=TEXT, output_format="pcm_24000")
    first, first_timed = next(plain), base64.b64decode(next(timed).audio_base_64)
    assert not engine.let_go.is_set()
    engine.let_go.set()
    assert len(first) + sum(map(len, plain)) == 2 * 50 * 1920
    rest = [base64.b64decode(piece.audio_base_64) for piece in timed]
    assert len(first_timed) + sum(map(len, rest)) == 2 * 50 * 1920


async def test_async_client(server: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """The asynchronous client works as well."""
    async with httpx.AsyncClient(timeout=30) as connections:
        sdk = AsyncElevenLabs(api_key=KEY, base_url=server.url, httpx_client=connections)
        speech = sdk.text_to_speech
        data = b"".join([each async for each in speech.convert("alba", text=TEXT)])
        assert listen(ffmpeg, tmp_path, data, "mp3").sample_rate_hz == 44100
        streamed = [each async for each in speech.stream("alba", text=TEXT)]
        assert listen(ffmpeg, tmp_path, b"".join(streamed), "mp3").sample_rate_hz == 44100
        timed = await speech.convert_with_timestamps("alba", text=TEXT)
        assert base64.b64decode(timed.audio_base_64)
        pieces = [each async for each in speech.stream_with_timestamps("alba", text=TEXT)]
        for kind in ("alignment", "normalized_alignment"):
            parts = (getattr(piece, kind) for piece in pieces)
            assert "".join(each for part in parts if part for each in part.characters) == TEXT
        with pytest.raises(ApiError) as caught:
            [each async for each in speech.convert("nobody", text=TEXT)]
        assert detail_of(caught, 404)["status"] == "voice_not_found"


@pytest.mark.parametrize(("speed", "seconds"), [(None, 2.0), (0.7, 2.857), (1.2, 1.667), (4, 0.5)])
def test_speed(two_seconds: ElevenLabs, speed: float | None, seconds: float) -> None:
    """Speed is honoured, also beyond the range that ElevenLabs has."""
    data = two_seconds.text_to_speech.convert(
        "alba",
        text=TEXT,
        output_format="pcm_24000",
        voice_settings=VoiceSettings(speed=speed, stability=1, similarity_boost=0, style=0.3),
    )
    assert abs(len(b"".join(data)) / 48000 - seconds) < 0.15


def test_what_has_no_effect(two_seconds: ElevenLabs) -> None:
    """All that this model cannot do, and that does no harm, is taken."""
    data = two_seconds.text_to_speech.convert(
        "alba",
        text=TEXT,
        model_id="eleven_of_some_kind",
        language_code="en-GB",
        enable_logging=False,
        optimize_streaming_latency=3,
        output_format="pcm_8000",
        voice_settings=VoiceSettings(stability=0.1, use_speaker_boost=True, clone_strength=0.5),
        pronunciation_dictionary_locators=[],
        previous_text="Before.",
        next_text="After.",
        previous_request_ids=["a"],
        next_request_ids=["b"],
        use_pvc_as_ivc=True,
        apply_language_text_normalization=True,
        audio_effects={"distance": 0.0, "send_level": 0.5},  # type: ignore[arg-type]
    )
    assert len(b"".join(data)) == 2 * 8000 * 2


@pytest.mark.parametrize(("mode", "spoken"), [("auto", "five"), ("on", "five"), ("off", "5")])
def test_text_normalization(fake_server: ServeFake, mode: str, spoken: str) -> None:
    """`off` leaves numbers as they are written."""
    engine = FakeEngine()
    speech = sdk_for(fake_server(engine)).text_to_speech
    b"".join(speech.convert("alba", text="I have 5 cats.", apply_text_normalization=mode))
    assert spoken in engine.streams[0].job.chunks[0].text


def test_voice_and_seed(fake_server: ServeFake) -> None:
    """The voice is chosen whatever its case, and the seed reaches the model."""
    engine = FakeEngine()
    speech = sdk_for(fake_server(engine)).text_to_speech
    b"".join(speech.convert("MARIUS", text=TEXT, seed=4294967295))
    assert engine.streams[0].voice == FakeVoice("marius")
    assert engine.streams[0].job.sampling.seed == 4294967295


def test_request_id(two_seconds: ElevenLabs) -> None:
    """The id of an answer can be read where ElevenLabs' clients look for it, and sent again."""
    raw = two_seconds.text_to_speech.with_raw_response
    with raw.convert("alba", text=TEXT) as answer:
        assert b"".join(answer.data)
        request_id = answer.headers["request-id"]
    assert request_id == answer.headers["x-request-id"]
    with raw.stream("alba", text=TEXT, previous_request_ids=[request_id]) as answer:
        assert b"".join(answer.data)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"optimize_streaming_latency": 5}, "optimize_streaming_latency: "),
        ({"language_code": "ja"}, "language_code must be one of en on this server; it is 'ja'"),
        ({"apply_text_normalization": "maybe"}, "apply_text_normalization: "),
        (
            {
                "pronunciation_dictionary_locators": [
                    {"pronunciation_dictionary_id": "a", "version_id": "b"}
                ]
            },
            "pronunciation_dictionary_locators: there is no dictionary 'a'",
        ),
        ({"audio_effects": {"environment_id": "hall"}}, "audio_effects are refused"),
    ],
)
@pytest.mark.parametrize("call", ["convert", "stream_with_timestamps"])
def test_bad_request(sdk: ElevenLabs, call: str, fields: dict[str, Any], words: str) -> None:
    """A mistake is the SDK's ApiError with status 400, whose body names what was wrong."""
    speech = getattr(sdk.text_to_speech, call)
    with pytest.raises(ApiError) as caught:
        list(speech("alba", **{"text": TEXT, **fields}))
    detail = detail_of(caught, 400)
    assert detail["status"] == "invalid_request"
    assert words in detail["message"]


@pytest.mark.parametrize(
    ("engine", "status", "word"),
    [
        (FakeEngine(overloaded=True), 429, "system_busy"),
        (FakeEngine(fail_after=0), 500, "internal_error"),
    ],
)
def test_our_own_failures(
    fake_server: ServeFake, engine: FakeEngine, status: int, word: str
) -> None:
    """A full queue and a broken model have statuses of their own."""
    sdk = sdk_for(fake_server(engine))
    with pytest.raises(ApiError) as caught:
        list(sdk.text_to_speech.convert("alba", text=TEXT, request_options=ONCE))
    assert detail_of(caught, status)["status"] == word


def test_broken_stream(fake_server: ServeFake) -> None:
    """A stream that cannot be finished does not end as if it were whole."""
    sdk = sdk_for(fake_server(FakeEngine(frames_per_chunk=50, fail_after=30)))
    pieces = sdk.text_to_speech.stream("alba", text=TEXT, output_format="pcm_24000")
    with pytest.raises(httpx.RemoteProtocolError):
        list(pieces)


def test_models(server: Served) -> None:
    """The names clients send are listed, to ElevenLabs' clients as the array they expect."""
    for prefix in ("", "/elevenlabs"):
        models = sdk_for(server, prefix=prefix).models.list()
        assert {"pocket-tts", "eleven_multilingual_v2"} <= {each.model_id for each in models}
        assert all(each.can_do_text_to_speech for each in models)
        assert models[0].languages is not None
        assert [each.name for each in models[0].languages] == ["English"]
    openai_answer = server.client.get("/v1/models").json()
    assert openai_answer["object"] == "list"
    assert isinstance(server.client.get("/elevenlabs/v1/models").json(), list)


def test_paths_that_lead_nowhere(client: httpx.Client) -> None:
    """What is not there is refused in ElevenLabs' shape below its own paths."""
    for path in ("/v1/text-to-speech/alba/other", "/v2/other", "/elevenlabs/v1/history"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert set(answer.json()["detail"]) == {"status", "message"}


def test_compatibility(client: httpx.Client) -> None:
    """What becomes of each field is told to whoever asks."""
    (shown,) = [
        each
        for each in client.get("/compatibility").json()["dialects"]
        if each["name"] == "elevenlabs"
    ]
    fields = {
        (call["call"], field["field"]): field["how"]
        for call in shown["calls"]
        for field in call["fields"]
    }
    speak = "POST /v1/text-to-speech/{voice_id}"
    assert fields[speak, "voice_settings.speed"] == "honoured"
    assert fields[speak, "voice_settings.stability"] == "without effect"
    assert fields[speak, "pronunciation_dictionary_locators"] == "honoured"
    assert fields[f"{speak}/stream", "output_format"] == "honoured"
    assert fields["POST /v1/voices/add", "labels"] == "honoured"
