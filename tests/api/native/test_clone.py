"""POST /tts/clone: any recording becomes a voice, and what is none is refused."""

from __future__ import annotations

import base64
import io
import wave
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.errors import ModelUnavailable
from app.speech import Pcm
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.listening import assert_speech, listen, silence, transcode
from tests.serving import LogRecords, Served, error_of

SCRIPT = "Hello there."
CONTAINERS = ("wav", "mp3", "m4a", "ogg", "flac", "webm")


def clone(client: httpx.Client, clip: bytes, name: str = "me.wav", **fields: Any) -> httpx.Response:
    return client.post(
        "/tts/clone", data={"script": SCRIPT} | fields, files={"voice_file": (name, clip)}
    )


@pytest.mark.parametrize("extension", CONTAINERS)
def test_containers(
    client: httpx.Client, ffmpeg: Path, tmp_path: Path, recording: bytes, extension: str
) -> None:
    """Whatever FFmpeg reads can be the voice."""
    clip = transcode(ffmpeg, tmp_path, recording, extension)
    answer = clone(client, clip, f"me.{extension}")
    assert answer.status_code == 200, answer.text
    seconds = float(answer.headers["x-audio-duration"])
    assert_speech(listen(ffmpeg, tmp_path, answer.content, "mp3"), "mp3", seconds)


def test_fields(fake_server: ServeFake, recording: bytes) -> None:
    """`format`, `stream` and `type` mean the same as in POST /tts."""
    client = fake_server().client
    live = clone(client, recording, format="wav", stream="true")
    assert live.headers["transfer-encoding"] == "chunked"
    assert live.content.startswith(b"RIFF")
    saved = clone(client, recording, format="flac", type="url").json()
    assert saved["filename"].endswith(".flac")
    assert client.get(f"/voice/{saved['filename']}").content.startswith(b"fLaC")


def test_the_clip_is_not_in_the_output(fake_app: ServeFake, recording: bytes) -> None:
    """The answer holds what the engine spoke in the new voice and nothing of the recording."""
    engine = FakeEngine()
    answer = clone(fake_app(engine).client, recording)
    assert engine.streams[0].voice == FakeVoice("clip 1")
    assert float(answer.headers["x-audio-duration"]) == pytest.approx(5 * 0.08)


def test_same_file_again(fake_app: ServeFake, recording: bytes) -> None:
    """A recording that was sent before costs no encoding, whatever it is called."""
    engine = FakeEngine()
    client = fake_app(engine).client
    assert clone(client, recording).is_success
    assert clone(client, recording, "renamed.wav").is_success
    assert len(engine.encoded) == 1
    assert clone(client, wav_bytes(voice_like(1.5))).is_success
    assert len(engine.encoded) == 2


def test_max_ref_duration(fake_app: ServeFake) -> None:
    """Only the first MAX_REF_DURATION seconds condition the voice."""
    engine = FakeEngine()
    served = fake_app(engine, max_ref_duration=2)
    assert clone(served.client, wav_bytes(voice_like(5))).is_success
    assert len(engine.encoded[0]) == 2 * 24000


def test_files_that_are_no_voice(client: httpx.Client, tmp_path: Path, recording: bytes) -> None:
    """What is empty, no audio, silent or too short is a 400 that names the field and says why."""
    local = tmp_path / "secret.wav"
    local.write_bytes(recording)
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{local}\n#EXT-X-ENDLIST\n"
    concat = f"ffconcat version 1.0\nfile '{local}'\n"
    for clip, words in (
        (b"", "is empty"),
        (b"\0" * 50_000, "is not audio"),
        (b"This is a text, not a recording. " * 200, "is not audio"),
        (recording[:30], "is not audio"),
        (wav_bytes(silence(2)), "is silent"),
        (wav_bytes(voice_like(0.5)), "is shorter than 1 second"),
        (playlist.encode(), "is not audio"),
        (concat.encode(), "is not audio"),
    ):
        error = error_of(clone(client, clip), 400)
        assert error["field"] == "voice_file"
        assert words in error["message"]


def test_truncated_recording(
    client: httpx.Client, ffmpeg: Path, tmp_path: Path, recording: bytes
) -> None:
    """A file that breaks off in the middle is either understood up to there or a clear 400."""
    for extension in CONTAINERS:
        clip = transcode(ffmpeg, tmp_path, recording, extension)
        answer = clone(client, clip[: len(clip) // 4], f"me.{extension}")
        if answer.status_code != 200:
            assert error_of(answer, 400)["field"] == "voice_file"


def test_upload_over_the_limit(fake_app: ServeFake, recording: bytes) -> None:
    """A recording over MAX_UPLOAD_MB is a 413."""
    served = fake_app(max_upload_mb=0.05)
    error = error_of(clone(served.client, recording), 413)
    assert error["field"] == "voice_file"
    assert "50000 bytes" in error["message"]


def test_upload_far_over_the_limit(fake_app: ServeFake) -> None:
    """A body that is far too large is a 413 without being read to its end."""
    served = fake_app(max_upload_mb=0.05, max_script_chars=100)
    error = error_of(clone(served.client, b"x" * 2_000_000), 413)
    assert "larger than" in error["message"]


def test_script_over_the_limit(fake_app: ServeFake, recording: bytes) -> None:
    """A script over the limit is a 413 in a form as well, also one of more than a megabyte."""
    client = fake_app().client
    for script in ("a " * 30_000, "a " * 600_000):
        assert error_of(clone(client, recording, script=script), 413)["field"] == "script"


def test_missing_file(client: httpx.Client) -> None:
    """Without a file, or with a text in its place, the answer says what is missing."""
    error = error_of(client.post("/tts/clone", data={"script": SCRIPT}), 400)
    assert (error["field"], error["message"]) == ("voice_file", "voice_file is required")
    form = {"script": (None, SCRIPT), "voice_file": (None, "text")}
    error = error_of(client.post("/tts/clone", files=form), 400)
    assert (error["field"], error["message"]) == ("voice_file", "voice_file must be sent as a file")


def test_unknown_form_field(client: httpx.Client, recording: bytes) -> None:
    """A misspelt field of the form is named, with the one that was meant."""
    error = error_of(clone(client, recording, fromat="mp3"), 400)
    assert error["field"] == "fromat"
    assert "did you mean 'format'?" in error["message"]


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"script": "Hello"}', "application/json"),
        (b"no boundary", "multipart/form-data"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
    ],
)
def test_body_that_is_no_form(client: httpx.Client, body: bytes, content_type: str) -> None:
    """A body that is no multipart form is a 400."""
    headers = {"Content-Type": content_type}
    error_of(client.post("/tts/clone", content=body, headers=headers), 400)


def test_weights_that_cannot_clone(fake_app: ServeFake, recording: bytes) -> None:
    """An engine that has no cloning weights answers 503 with the reason."""

    class Refusing(FakeEngine):
        def encode_voice(self, pcm: object, cancel: object = None) -> FakeVoice:
            raise ModelUnavailable("this server cannot clone voices: accept the terms")

    error = error_of(clone(fake_app(Refusing()).client, recording), 503)
    assert "accept the terms" in error["message"]


def in_two_channels(pcm: Pcm) -> bytes:
    """The recording of somebody who connected one of two microphones the wrong way round."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(2)
        writer.setsampwidth(2)
        writer.setframerate(24000)
        writer.writeframes((np.stack([pcm, -pcm], axis=1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def every_way_in(server: Served, clip: bytes) -> list[httpx.Response]:
    """A form, base64 in OpenAI's and our own dialect, Fish Audio's references, a voice, a file."""
    client = server.client
    sent = base64.b64encode(clip).decode()
    server.settings.voices_dir.mkdir(exist_ok=True)
    (server.settings.voices_dir / "by_hand.wav").write_bytes(clip)
    return [
        clone(client, clip),
        client.post("/v1/audio/speech", json={"input": SCRIPT, "voice": sent}),
        client.post("/v1/tts", json={"text": SCRIPT, "references": [{"audio": sent}]}),
        client.post("/voices", data={"name": "made"}, files={"files": ("me.wav", clip)}),
        client.post("/tts", json={"script": SCRIPT, "voice": "by_hand"}),
    ]


SPEECH = np.tile(np.concatenate([voice_like(0.8), silence(0.3)]), 3)
HISS = np.random.default_rng(1).standard_normal(24000).astype(np.float32) * np.float32(0.004)


@pytest.mark.parametrize(
    "clip",
    [
        wav_bytes(np.concatenate([silence(15), SPEECH])),
        wav_bytes(np.concatenate([HISS, SPEECH])),
        wav_bytes(SPEECH * np.float32(0.004)),
        in_two_channels(SPEECH),
    ],
    ids=["15 s of silence first", "noise first", "at -52 dB", "inverse channels"],
)
def test_every_way_in_prepares_a_recording_alike(fake_server: ServeFake, clip: bytes) -> None:
    """What conditions the voice is the speech, without what is before it."""
    engine = FakeEngine()
    served = fake_server(engine)
    for answer in every_way_in(served, clip):
        assert answer.is_success, answer.text
    assert len(engine.encoded) >= 3
    for heard in engine.encoded:
        assert len(heard) / 24000 == pytest.approx(3.05 + 0.08, abs=0.12)
        assert np.abs(heard[: round(0.2 * 24000)]).max() > 0.1 * np.abs(heard).max()


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (np.sin(np.arange(72000) * 0.1).astype(np.float32) / 2, "tones and no voice"),
        (np.concatenate([silence(3), voice_like(0.5)]), "s of speech between silences"),
        (SPEECH * np.float32(0.0005), "is silent"),
    ],
)
def test_every_way_in_refuses_alike(fake_server: ServeFake, clip: Pcm, reason: str) -> None:
    """A caller's recording is the caller's fault, a file in the folder the operator's."""
    engine = FakeEngine()
    answers = every_way_in(fake_server(engine), wav_bytes(clip))
    assert [answer.status_code for answer in answers] == [400, 400, 400, 400, 503]
    assert all(reason in answer.text for answer in answers)
    assert engine.encoded == []


def test_what_was_done_to_a_recording_is_logged(
    fake_server: ServeFake, log_records: LogRecords
) -> None:
    """Who wonders how a voice sounds finds out what it was made of."""
    clone(fake_server().client, wav_bytes(np.concatenate([silence(3), SPEECH])))
    line = log_records.wait_for(lambda record: "a recording became" in record.getMessage())
    assert "s of silence cut from the start" in line.getMessage()


def test_what_was_done_to_a_recording_is_answered(fake_app: ServeFake) -> None:
    """Every dialect's answer says it, also of a recording that is known already."""
    client = fake_app().client
    clip = wav_bytes(np.concatenate([silence(3), SPEECH]))
    sent = base64.b64encode(clip).decode()
    two = [{"audio": sent}, {"audio": sent}]
    for answer in (
        clone(client, clip),
        clone(client, clip, type="url"),
        clone(client, clip, stream="true"),
        client.post("/v1/audio/speech", json={"input": SCRIPT, "voice": sent}),
        client.post("/v1/audio/speech", json={"input": SCRIPT, "voice": sent, "stream": False}),
        client.post("/v1/tts", json={"text": SCRIPT, "references": two[:1]}),
        client.post("/v1/tts", json={"text": SCRIPT, "references": two}),
        client.post("/pocket/tts", data={"text": SCRIPT}, files={"voice_wav": ("me.wav", clip)}),
        client.post("/clone_voice", data={"text": SCRIPT, "reference_audio": sent}),
        client.post("/chattts/v1/audio/speech", json={"input": SCRIPT, "voice": sent}),
    ):
        assert answer.is_success, answer.text
        said = answer.headers["x-tts-recording"]
        assert " s of speech; converted to one channel at 24000 Hz; " in said
        assert "3.0 s of silence cut from the start" in said
    assert "x-tts-recording" not in client.post("/tts", json={"script": SCRIPT}).headers


def test_which_channel_was_taken_is_answered(fake_app: ServeFake) -> None:
    """Whoever sends channels that cancel each other learns that one of them was taken."""
    client = fake_app().client
    for pcm, channel in ((SPEECH, "left"), (SPEECH * np.float32(-1), "left")):
        said = clone(client, in_two_channels(pcm)).headers["x-tts-recording"]
        assert f"the {channel} channel of 'me.wav' taken alone" in said
    report = client.post(
        "/voices", data={"name": "made"}, files={"files": ("ä%.wav", in_two_channels(SPEECH))}
    ).json()["report"]
    assert any("left channel" in each for each in report["actions"])


def test_a_strange_file_name_fits_into_the_header(fake_app: ServeFake) -> None:
    """What a header cannot hold is written with percent signs, and it is never too long."""
    client = fake_app().client
    name = "Größe%20\u2028" + "x" * 900 + ".wav"
    files = {"voice_file": (name, in_two_channels(SPEECH))}
    answer = client.post("/tts/clone", data={"script": SCRIPT}, files=files)
    assert answer.is_success, answer.text
    assert "Gr%C3%B6%C3%9Fe%25" in answer.headers["x-tts-recording"]
    assert len(answer.headers["x-tts-recording"]) <= 2000
