"""ChatTTS's /generate_voice: many texts at once, and a zip of all of them or nothing."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.api.chattts.speech import AT_ONCE
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeVoice
from tests.listening import assert_speech, listen
from tests.serving import detail_of, fake_in_process

# The body of ChatTTS's own example, with words that this model reads.
REFINE = {
    "prompt": "",
    "top_P": 0.7,
    "top_K": 20,
    "temperature": 0.7,
    "repetition_penalty": 1,
    "max_new_token": 384,
    "min_new_token": 0,
    "show_tqdm": True,
    "ensure_non_empty": True,
    "stream_batch": 24,
}
INFER = {
    "prompt": "[speed_5]",
    "top_P": 0.1,
    "top_K": 20,
    "temperature": 0.3,
    "repetition_penalty": 1.05,
    "max_new_token": 2048,
    "min_new_token": 0,
    "show_tqdm": True,
    "ensure_non_empty": True,
    "stream_batch": True,
    "spk_emb": None,
}
BODY = {
    "text": ["Sichuan is known for spice.", "There is mild food as well, and it is liked."],
    "stream": False,
    "lang": None,
    "skip_refine_text": True,
    "refine_text_only": False,
    "use_decoder": True,
    "audio_seed": 12345678,
    "text_seed": 87654321,
    "do_text_normalization": True,
    "do_homophone_replacement": False,
    "params_refine_text": REFINE,
    "params_infer_code": INFER,
}


def unpacked(answer: httpx.Response) -> list[bytes]:
    """The clips as the example client unpacks them: 0.mp3, 1.mp3 and so on."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert names == [f"{number}.mp3" for number in range(len(names))]
        return [archive.read(name) for name in names]


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[httpx.Client, FakeEngine]]:
    engine = FakeEngine(frames_per_chunk=25)
    with fake_in_process(tmp_path_factory.mktemp("fake"), engine) as served:
        yield served.client, engine


def test_real_model(client: httpx.Client, ffmpeg: Path, tmp_path: Path) -> None:
    """The tiny model speaks the published example."""
    clips = unpacked(client.post("/generate_voice", json=BODY))
    assert len(clips) == 2
    for clip in clips:
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert_speech(heard, "mp3", len(heard.pcm) / 24000)


@pytest.mark.parametrize("prefix", ["", "/chattts"])
def test_generate_voice(
    fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path, prefix: str
) -> None:
    """The published example: a zip with one MP3 for each text, in order."""
    client, engine = fake
    before = len(engine.streams)
    clips = unpacked(client.post(f"{prefix}/generate_voice", json=BODY))
    assert len(clips) == len(BODY["text"])  # type: ignore[arg-type]
    for clip in clips:
        assert_speech(listen(ffmpeg, tmp_path, clip, "mp3"), "mp3", 2.0)
    for stream in engine.streams[before:]:
        assert stream.voice == FakeVoice("alba")
        assert stream.job.sampling.temperature is None
        assert stream.job.sampling.seed == 12345678


def test_order(fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path) -> None:
    """Many texts of different lengths come back in the order they were sent in."""
    client, _ = fake
    sentences = [1, 3, 1, 2, 1, 1, 4, 1, 2, 1]
    texts = ["[pause 1s] ".join(["Here is a sentence."] * count) for count in sentences]
    clips = unpacked(client.post("/generate_voice", json={"text": texts}))
    for clip, count in zip(clips, sentences, strict=True):
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert len(heard.pcm) / 24000 == pytest.approx(3 * count - 1, abs=0.2)


def test_side_by_side(fake_app: ServeFake) -> None:
    """Several texts are in the engine at once, but not so many that others must wait."""
    engine = FakeEngine(hold_after=2)
    client = fake_app(engine).client
    texts = [f"This is text {number}." for number in range(2 * AT_ONCE)]
    answers: list[httpx.Response] = []

    def generate() -> None:
        answers.append(client.post("/generate_voice", json={"text": texts}))

    thread = threading.Thread(target=generate)
    thread.start()
    deadline = time.monotonic() + 5
    while len(engine.streams) < AT_ONCE:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.1)
    assert len(engine.streams) == AT_ONCE
    engine.let_go.set()
    thread.join(20)
    assert len(unpacked(answers[0])) == len(engine.streams) == 2 * AT_ONCE


async def test_client_leaves(fake_server: ServeFake) -> None:
    """A client that gives up waiting stops every text of its request."""
    engine = FakeEngine(hold_after=2)
    async with fake_server(engine).async_client() as client:
        body = {"text": ["Hello."] * 20}
        asking = asyncio.create_task(client.post("/generate_voice", json=body))
        await engine.begun(AT_ONCE)
        asking.cancel()
        await asyncio.wait([asking])
    for stream in list(engine.streams):
        assert await asyncio.to_thread(stream.aborted.wait, 5)
    assert len(engine.streams) == AT_ONCE


def test_all_or_nothing(fake_app: ServeFake) -> None:
    """If one text fails, there is no zip, and the others are stopped."""
    engine = FakeEngine(fail_after=3)
    client = fake_app(engine).client
    answer = client.post("/generate_voice", json={"text": ["Hello."] * 20})
    assert detail_of(answer, 500, beside="error") == "the speech could not be made"
    assert len(engine.streams) <= AT_ONCE + 1
    assert not any(stream.running for stream in engine.streams)


def test_sampling(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Temperature and seed reach the model; ChatTTS's own default leaves the server's."""
    client, engine = fake
    for fields, code, temperature, seed in (
        ({}, {}, None, None),
        ({}, None, None, None),
        ({"audio_seed": 5}, {}, None, 5),
        ({"audio_seed": 5}, {"manual_seed": 7, "temperature": 0.5}, 0.5, 7),
        ({"audio_seed": 5}, {"manual_seed": None, "temperature": None}, None, 5),
    ):
        body = {"text": ["Hello."], "params_infer_code": code, **fields}
        assert client.post("/generate_voice", json=body).is_success
        sampling = engine.streams[-1].job.sampling
        assert (sampling.temperature, sampling.seed) == (temperature, seed)


def test_prompted_speed(
    fake: tuple[httpx.Client, FakeEngine], ffmpeg: Path, tmp_path: Path
) -> None:
    """The speed token of the prompt is heard; what else stands there does nothing."""
    client, _ = fake
    for prompt, speed in (("[speed_9]", 1.2), ("[oral_2][speed_0]", 0.75), ("[laugh_1]", 1.0)):
        body = {"text": ["Hello."], "params_infer_code": {"prompt": prompt}}
        (clip,) = unpacked(client.post("/generate_voice", json=body))
        heard = listen(ffmpeg, tmp_path, clip, "mp3")
        assert len(heard.pcm) / 24000 == pytest.approx(2.0 / speed, abs=0.1)


def test_normalization(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """Numbers are put into words unless the caller has done so."""
    client, engine = fake
    for wanted, spoken in ((True, "Two cats."), (False, "2 cats.")):
        body = {"text": ["2 cats."], "do_text_normalization": wanted}
        assert client.post("/generate_voice", json=body).is_success
        assert engine.streams[-1].job.chunks[0].text.lower() == spoken.lower()


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        ({"text": []}, 400, "text: list should have at least 1 item"),
        ({"text": ["Hello."] * 101}, 400, "text: list should have at most 100 items"),
        ({"text": "Hello."}, 400, "text: input should be a valid list"),
        ({"text": ["Hello.", 5]}, 400, "text: input should be a valid string"),
        ({"text": ["Hello.", " "]}, 400, "text[1] is empty"),
        ({"text": ["a " * 15_000] * 2}, 413, "text has 60000 characters in all"),
        ({"lang": "zh"}, 400, "lang must be one of en on this server"),
        ({"refine_text_only": True}, 400, "refine_text_only must be false"),
        ({"audio_seed": -2}, 400, "audio_seed: input should be greater"),
        ({"params_infer_code": {"temperature": 9}}, 400, "temperature"),
        ({"params_infer_code": {"temperature": "hot"}}, 400, "temperature"),
        ({"params_infer_code": {"manual_seed": 1.5}}, 400, "manual_seed"),
        ({"params_infer_code": {"spk_emb": "nobody"}}, 404, "available voices: alba, marius"),
        ({"params_infer_code": {"spk_emb": "蘁淰敥欀" * 300}}, 404, "does not exist"),
        ({"params_infer_code": {"spk_emb": "A" * 4000}}, 400, "spk_emb is not audio"),
        ({"params_infer_code": {"spk_smp": "蘁淰"}}, 400, "send the recording itself as"),
        ({"params_infer_code": 5}, 400, "params_infer_code: input should be a valid dict"),
    ],
)
def test_refused_batches(
    fake: tuple[httpx.Client, FakeEngine], fields: dict[str, Any], status: int, words: str
) -> None:
    """What is wrong with one text or parameter is found before anything is spoken."""
    client, engine = fake
    before = len(engine.streams)
    assert words in detail_of(
        client.post("/generate_voice", json=BODY | fields), status, beside="error"
    )
    assert len(engine.streams) == before


def test_broken_bodies(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """What is no JSON object is a 400."""
    client, _ = fake
    headers = {"Content-Type": "application/json"}
    for content, words in (
        (b"{", "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b"{}", "text is required"),
    ):
        answer = client.post("/generate_voice", content=content, headers=headers)
        assert words in detail_of(answer, 400, beside="error")
    answer = client.post("/generate_voice", data={"text": "x"})
    assert "temperature" not in detail_of(answer, 400, beside="error")


@pytest.mark.parametrize("path", ["/generate_voice", "/chattts/generate_voice"])
def test_key(fake: tuple[httpx.Client, FakeEngine], path: str) -> None:
    """Without the key, or with a wrong one, nothing is spoken."""
    client, _ = fake
    for key in ("", "wrong"):
        answer = client.post(path, json={"text": ["Hi."]}, headers={"X-API-Key": key})
        assert "key" in detail_of(answer, 401, beside="error")


def test_compatibility(fake: tuple[httpx.Client, FakeEngine]) -> None:
    """What becomes of each parameter of `params_infer_code` is listed by its own name."""
    client, _ = fake
    dialects = client.get("/compatibility").json()["dialects"]
    (chattts,) = (each for each in dialects if each["name"] == "chattts")
    (call,) = (each for each in chattts["calls"] if each["call"] == "POST /generate_voice")
    listed = {row["field"]: row["how"] for row in call["fields"]}
    assert set(BODY) <= set(listed)
    assert {f"params_infer_code.{name}" for name in INFER} <= set(listed)
    assert listed["params_infer_code.top_P"] == "without effect"
