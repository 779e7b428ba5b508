"""Fish Audio's POST /v1/tts and account, through its own SDKs over a real server."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import fish_audio_sdk
import ormsgpack
import pytest
from fishaudio import FishAudio, ReferenceAudio, TTSConfig
from fishaudio.types import Prosody

from app.speech import Sampling
from tests.api.fish.sdk import BASES, TEXT, async_sdk_for, heard_in, sdk_for, session_for
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import Served, serve_fake

Format = Literal["mp3", "wav", "pcm", "opus"]
FORMATS: tuple[Format, ...] = ("mp3", "wav", "pcm", "opus")
CLIP = wav_bytes(voice_like(2.0))
BASE64 = base64.b64encode(CLIP).decode()
LONG_TEXT = "This is a sentence of many words that goes on and on, and then it ends. " * 8


@pytest.fixture
def sdk(server: Served) -> Iterator[FishAudio]:
    with sdk_for(server) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that says each sentence in two seconds."""
    with serve_fake(
        tmp_path_factory.mktemp("fish"), FakeEngine(frames_per_chunk=25), max_script_chars=5000
    ) as served:
        yield served


@pytest.mark.parametrize("name", FORMATS)
def test_convert(served: Served, name: Format) -> None:
    """Each format can be asked for through the SDK, under both paths."""
    begins = {"mp3": (b"ID3", b"\xff"), "wav": b"RIFF", "pcm": b"", "opus": b"OggS"}
    for base in BASES:
        with sdk_for(served, base=base) as sdk:
            assert sdk.tts.convert(text=TEXT, format=name).startswith(begins[name])


def test_real_model(sdk: FishAudio, ffmpeg: Path, tmp_path: Path) -> None:
    """The tiny model speaks MP3 when nothing else is asked for; `stream` gives it in pieces."""
    whole = sdk.tts.convert(text=TEXT, reference_id="alba")
    assert heard_in(ffmpeg, tmp_path, whole, "mp3").codec == "mp3"
    assert sdk.tts.stream(text=TEXT, reference_id="bruno").collect()


async def test_async_sdk(server: Served) -> None:
    """The asynchronous client converts and streams as well."""
    async with async_sdk_for(server) as sdk:
        assert (await sdk.tts.convert(text=TEXT, format="wav")).startswith(b"RIFF")
        pieces = [piece async for piece in await sdk.tts.stream(text=TEXT, format="wav")]
        assert pieces[0].startswith(b"RIFF")


def test_older_sdk(server: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """The older SDK speaks, also with a recording, and knows the refusals by their status."""
    references = [fish_audio_sdk.ReferenceAudio(audio=CLIP, text="what is said there")]
    with session_for(server) as session:
        for request in (
            fish_audio_sdk.TTSRequest(text=TEXT),
            fish_audio_sdk.TTSRequest(text=TEXT, references=references, sample_rate=16000),
        ):
            heard = heard_in(ffmpeg, tmp_path, b"".join(session.tts(request)), "mp3")
            assert heard.sample_rate_hz == (request.sample_rate or 44100)
        assert session.get_api_credit().credit > 0
        assert session.get_package().finished_at.startswith("9999")
        with pytest.raises(fish_audio_sdk.HttpCodeErr) as refusal:
            session.asr(fish_audio_sdk.ASRRequest(audio=CLIP))
        assert refusal.value.status == 501
        assert "speech" in refusal.value.message
    with (
        session_for(server, key="wrong") as stranger,
        pytest.raises(fish_audio_sdk.HttpCodeErr, match="wrong"),
    ):
        stranger.list_models()


@pytest.mark.parametrize(
    ("name", "config", "rate_hz"),
    [
        ("mp3", {"sample_rate": 24000, "mp3_bitrate": 64}, 24000),
        ("mp3", {"sample_rate": 8000}, 8000),
        ("mp3", {"mp3_bitrate": 192}, 44100),
        ("wav", {"sample_rate": 16000}, 16000),
        ("pcm", {"sample_rate": 8000}, 8000),
        ("opus", {"sample_rate": 24000, "opus_bitrate": 24}, 24000),
        ("opus", {"opus_bitrate": -1000}, 48000),
    ],
)
def test_rates_and_bitrates(
    served: Served,
    ffmpeg: Path,
    tmp_path: Path,
    name: Format,
    config: dict[str, Any],
    rate_hz: int,
) -> None:
    """What is asked for is what is heard, and as many bits a second are sent."""
    with sdk_for(served) as sdk:
        audio = sdk.tts.convert(text=TEXT, config=TTSConfig(format=name, **config))
    heard = heard_in(ffmpeg, tmp_path, audio, name, rate_hz)
    # Opus always decodes to 48 kHz.
    assert heard.sample_rate_hz == (48000 if name == "opus" else rate_hz)
    assert abs(len(heard.pcm) / heard.sample_rate_hz - 2.0) < 0.2
    if name == "mp3" and "mp3_bitrate" in config:
        assert abs(len(audio) * 8 / 2000 - config["mp3_bitrate"]) < 12


def test_opus_bitrate_counts(served: Served) -> None:
    """More bits make a larger file."""
    with sdk_for(served) as sdk:
        few, many = (
            len(sdk.tts.convert(text=TEXT, config=TTSConfig(format="opus", opus_bitrate=kbps)))
            for kbps in (24, 64)
        )
    assert many > 1.4 * few


def test_speed_and_volume(served: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """Twice the speed is half as long; decibels change the level."""
    with sdk_for(served) as sdk:
        fast = sdk.tts.convert(text=TEXT, format="wav", speed=2.0)
        quiet = sdk.tts.convert(
            text=TEXT, config=TTSConfig(format="wav", prosody=Prosody(volume=-20))
        )
    assert abs(len(heard_in(ffmpeg, tmp_path, fast, "wav").pcm) / 44100 - 1.0) < 0.15
    assert abs(heard_in(ffmpeg, tmp_path, quiet, "wav").pcm).max() < 0.04


def test_defaults_mean_unset(fake_server: ServeFake) -> None:
    """What the SDK always sends is nobody's wish; what differs from it is."""
    engine = FakeEngine()
    with sdk_for(fake_server(engine, max_chars_per_chunk=40)) as sdk:
        sdk.tts.convert(text=LONG_TEXT)
        sdk.tts.convert(text=LONG_TEXT, config=TTSConfig(temperature=0.5, chunk_length=300))
    first, second = (stream.job for stream in engine.streams)
    assert first.sampling == Sampling()
    assert second.sampling == Sampling(temperature=0.5)
    assert len(first.chunks) > len(second.chunks)


def test_recordings(fake_server: ServeFake) -> None:
    """One recording is the voice as it is, several are joined; a named voice comes first."""
    engine = FakeEngine()
    clips = [ReferenceAudio(audio=CLIP, text="one"), ReferenceAudio(audio=CLIP, text="two")]
    with sdk_for(fake_server(engine)) as sdk:
        sdk.tts.convert(text=TEXT, references=clips[:1])
        sdk.tts.convert(text=TEXT, references=clips)
        sdk.tts.convert(text=TEXT, references=clips, reference_id="marius")
    one, several = (len(pcm) / 24000 for pcm in engine.encoded)
    assert one < 2.1 < 3 < several
    assert engine.streams[2].voice == FakeVoice("marius")


def _body(**fields: Any) -> dict[str, Any]:
    return {"text": TEXT, "format": "wav", "reference_id": "alba"} | fields


@pytest.mark.parametrize(
    "sent",
    [
        {"json": _body()},
        {"json": _body(references=[{"audio": BASE64, "text": ""}])},
        {"content": ormsgpack.packb(_body()), "params": {"format": "msgpack"}},
        {"content": ormsgpack.packb(_body()), "headers": {"Content-Type": "application/msgpack"}},
        {"data": _body(mp3_bitrate="64", prosody='{"speed": 1.5}', normalize="false")},
        {"data": {"text": TEXT, "format": "wav"}, "files": [("references", ("a", CLIP))] * 2},
        {
            "data": {"text": TEXT, "format": "wav"},
            "files": {"references": (None, json.dumps([{"audio": BASE64}]))},
        },
    ],
)
def test_wrappings(served: Served, sent: dict[str, Any]) -> None:
    """MessagePack, JSON and forms say the same; recordings are bytes, base64, or files."""
    answer = served.client.post("/v1/tts", **sent)
    assert answer.status_code == 200, answer.text
    assert answer.content.startswith(b"RIFF")
    assert answer.headers["content-type"] == "audio/wav"


def test_complete_file(served: Served, ffmpeg: Path, tmp_path: Path) -> None:
    """fish-speech's client says that it wants no stream: its file then knows its length."""
    answer = served.client.post("/v1/tts", json=_body(streaming=False))
    assert int(answer.headers["content-length"]) == len(answer.content)
    duration = heard_in(ffmpeg, tmp_path, answer.content, "wav").duration_seconds
    assert duration is not None
    assert abs(duration - 2.0) < 0.1


def test_account(sdk: FishAudio) -> None:
    """The account is there for programs that look before they speak, and never runs out."""
    assert sdk.account.get_credits(check_free_credit=True).credit > 0
    package = sdk.account.get_package()
    assert package.balance == package.total > 0


def test_other_dialects_are_not_told(fake_server: ServeFake) -> None:
    """Switched off, it is gone from both paths."""
    served = fake_server(dialects="openai")
    for base in BASES:
        assert served.client.post(f"{base}/v1/tts", json=_body()).status_code == 404
