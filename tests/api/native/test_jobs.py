"""POST /jobs speaks long works in the background; what is finished can be heard meanwhile."""

from __future__ import annotations

import asyncio
import io
import json
import math
import subprocess
import time
import wave
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from mutagen.id3 import ID3
from mutagen.mp4 import MP4

from app.jobs.job import ENDED
from app.speaking.reading import Reading
from tests.conftest import ServeFake
from tests.documents.files import epub, picture
from tests.fakes import FakeEngine
from tests.programs import program
from tests.serving import error_of

BOOK = epub(
    {
        "one": "<h1>One</h1><p>" + "Hello there, all of you. " * 30 + "</p>",
        "two": "<h1>Two</h1><p>Bye now, my dear friends.</p>",
    },
    others={"OPS/c.png": picture()},
)
SCRIPT = "\n\n".join(f"This is paragraph {n}. " + "It goes on and on. " * 12 for n in range(4))
PATIENCE_SECONDS = 20.0


def until(client: httpx.Client, job_id: str, *states: str) -> dict[str, Any]:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        job: dict[str, Any] = client.get(f"/jobs/{job_id}").json()
        assert "state" in job, job
        if job["state"] in states:
            return job
        assert time.monotonic() < deadline, job
        assert job["state"] not in ENDED, job
        time.sleep(0.02)


def probed(data: bytes, path: Path) -> dict[str, Any]:
    path.write_bytes(data)
    command = [program("ffprobe"), "-v", "error", "-of", "json", "-show_chapters"]
    command += ["-show_streams", "-show_format", str(path)]
    found: dict[str, Any] = json.loads(subprocess.check_output(command, timeout=30))
    return found


def added(client: httpx.Client, **fields: Any) -> str:
    answer = client.post("/jobs", json={"script": SCRIPT, **fields})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == answer.json()["url"]
    return str(answer.json()["id"])


def test_a_book(fake_app: ServeFake, tmp_path: Path) -> None:
    """An EPUB becomes an M4B with its chapters, cover and metadata; captions go with it."""
    client = fake_app().client
    answer = client.post("/jobs", files={"document": ("tale.epub", BOOK)}, data={"seed": "3"})
    assert answer.status_code == 202, answer.text
    job_id = answer.json()["id"]
    job = until(client, job_id, "done")
    assert (job["title"], job["percent"], job["seconds_left"]) == ("A Tale", 100.0, 0.0)
    assert [chapter["heading"] for chapter in job["chapters"]] == ["One", "Two"]
    sent = client.get(f"/jobs/{job_id}/output")
    assert sent.headers["content-type"] == "audio/mp4"
    found = probed(sent.content, tmp_path / "book.m4b")
    assert [each["tags"]["title"] for each in found["chapters"]] == ["One", "Two"]
    starts = [float(each["start_time"]) for each in found["chapters"]]
    assert starts == pytest.approx([each["start_seconds"] for each in job["chapters"]], abs=0.01)
    # Two seconds of silence lie between the chapters.
    seconds = float(found["format"]["duration"])
    assert seconds == pytest.approx(job["audio_seconds"] + 2, abs=0.1)
    tags: Any = MP4(tmp_path / "book.m4b").tags  # type: ignore[no-untyped-call]
    assert tags["\xa9nam"] == ["A Tale"]
    assert tags["\xa9ART"] == ["Ann Author, Ben Writer"]
    assert len(tags["covr"]) == 1
    captions = client.get(f"/jobs/{job_id}/captions.json").json()
    assert captions["sentences"][-1]["text"] == "Bye now, my dear friends."
    assert captions["sentences"][-1]["start"] >= starts[1] - 0.01
    assert client.get(f"/jobs/{job_id}/captions.srt").text.startswith("1\n00:00:00,")


@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_formats(fake_app: ServeFake, tmp_path: Path, name: str) -> None:
    """Each format has the whole sound, at the loudness of books, and chapters where it can."""
    client = fake_app().client
    files, data = {"document": ("tale.epub", BOOK)}, {"format": name}
    job_id = client.post("/jobs", files=files, data=data).json()["id"]
    job = until(client, job_id, "done")
    path = tmp_path / f"book.{name}"
    found = probed(client.get(f"/jobs/{job_id}/output").content, path)
    assert float(found["format"]["duration"]) == pytest.approx(job["audio_seconds"] + 2, abs=0.15)
    if name != "wav":
        assert [each["tags"]["title"] for each in found["chapters"]] == ["One", "Two"]
    if name == "mp3":
        tags: Any = ID3(path)  # type: ignore[no-untyped-call]
        assert len(tags.getall("CHAP")) == 2
        assert tags.getall("APIC")
    command = [program("ffmpeg"), "-i", str(path), "-af", "ebur128", "-f", "null", "-"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stderr
    measured = float(said.rpartition("I:")[2].split()[0])
    assert measured == pytest.approx(-18, abs=0.6)


def test_a_zip_of_chapters(fake_app: ServeFake, tmp_path: Path) -> None:
    """It has a file for each chapter, with its captions beside it."""
    client = fake_app().client
    data = {"format": "flac", "files": "chapters", "captions": "srt,vtt"}
    files = {"document": ("tale.epub", BOOK)}
    job_id = client.post("/jobs", files=files, data=data).json()["id"]
    until(client, job_id, "done")
    with zipfile.ZipFile(io.BytesIO(client.get(f"/jobs/{job_id}/output").content)) as archive:
        names = archive.namelist()
        second = archive.read("002 Two.srt").decode()
    endings = (".flac", ".srt", ".vtt")
    assert names == [f"{stem}{end}" for stem in ("001 One", "002 Two") for end in endings]
    assert second.startswith("1\n00:00:00,")


def test_listening_while_it_is_made(fake_app: ServeFake) -> None:
    """Finished segments can be heard, in parts, before the others are; then it is one WAV."""
    engine = FakeEngine(hold_after=20)
    client = fake_app(engine).client
    job_id = added(client, max_chars_per_chunk=100)
    assert client.get(f"/jobs/{job_id}/audio").status_code == 404
    engine.let_go.set()
    until(client, job_id, "done")
    whole = client.get(f"/jobs/{job_id}/audio")
    with wave.open(io.BytesIO(whole.content)) as file:
        assert 44 + 2 * file.getnframes() == len(whole.content)
    part = client.get(f"/jobs/{job_id}/audio", headers={"Range": "bytes=40-100"})
    assert part.status_code == 206
    assert part.content == whole.content[40:101]
    assert part.headers["content-range"] == f"bytes 40-100/{len(whole.content)}"
    beyond = client.get(f"/jobs/{job_id}/audio", headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


def test_listening_from_where_one_was(fake_app: ServeFake) -> None:
    """What was heard while the rest was spoken is the beginning of the whole."""
    engine = FakeEngine(hold_after=2)
    client = fake_app(engine).client
    job_id = added(client)
    until(client, job_id, "speaking", "queued")
    url, deadline = f"/jobs/{job_id}/audio", time.monotonic() + PATIENCE_SECONDS
    while client.get(url).status_code == 404:
        assert time.monotonic() < deadline
        for stream in engine.streams:
            if "paragraph zero" in stream.job.chunks[0].text:
                stream.hold_after = None
        time.sleep(0.02)
    job = client.get(f"/jobs/{job_id}").json()
    assert (job["state"], job["segments_done"]) == ("speaking", 1)
    first = client.get(url, headers={"Range": "bytes=0-"})
    assert (first.status_code, first.headers["accept-ranges"]) == (206, "bytes")
    have = len(first.content)
    assert first.headers["content-range"] == f"bytes 0-{have - 1}/*"
    assert first.content[40:44] == b"\xff" * 4
    nothing_new = client.get(url, headers={"Range": f"bytes={have}-"})
    assert (nothing_new.status_code, nothing_new.headers["content-range"]) == (
        416,
        f"bytes */{have}",
    )
    engine.let_go.set()
    until(client, job_id, "done")
    rest = client.get(url, headers={"Range": f"bytes={have}-"})
    whole = client.get(url).content
    assert rest.headers["content-range"] == f"bytes {have}-{len(whole) - 1}/{len(whole)}"
    assert (first.content + rest.content)[44:] == whole[44:]
    assert client.get(url, headers={"Range": "bytes=-10"}).content == whole[-10:]


SUBTITLES = """1
00:00:01,000 --> 00:00:02,500
Good morning to you.

2
00:00:04,000 --> 00:00:05,400
And to you.

3
00:00:05,500 --> 00:00:06,000
How are you?
"""


def test_subtitles_at_their_times(fake_app: ServeFake, tmp_path: Path) -> None:
    """Each sentence begins at its time, faster if need be; what is too long is told."""
    # Each sentence lasts two seconds: there are three, then one and a half, then half a second.
    client = fake_app(FakeEngine(frames_per_chunk=25)).client
    files = {"document": ("film.srt", SUBTITLES)}
    data = {"format": "wav", "loudness": "off", "seed": "1"}
    job_id = client.post("/jobs", files=files, data=data).json()["id"]
    job = until(client, job_id, "done")
    segments = client.get(f"/jobs/{job_id}/segments").json()["segments"]
    assert [each["start_seconds"] for each in segments] == [1.0, 4.0, 5.5]
    lengths = [each["seconds"] for each in segments]
    assert lengths[0] == pytest.approx(2.0, abs=0.01)
    assert lengths[1] == pytest.approx(1.5 / 1.02, abs=0.05)
    assert lengths[1] < 1.5
    assert lengths[2] == pytest.approx(2.0 / 1.5, abs=0.05)
    (overrun,) = job["overruns"]
    assert overrun["segment"] == 3
    assert overrun["seconds"] == pytest.approx(lengths[2] - 0.5, abs=0.01)
    sentences = client.get(f"/jobs/{job_id}/captions.json").json()["sentences"]
    assert [each["start"] for each in sentences] == pytest.approx([1.0, 4.0, 5.5], abs=0.02)
    assert sentences[1]["end"] <= 5.5
    with wave.open(io.BytesIO(client.get(f"/jobs/{job_id}/output").content)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    loud = [
        bool(np.abs(pcm[int(24_000 * at) : int(24_000 * (at + 0.2))]).max() > 100)
        for at in (0.5, 1.2, 3.5, 4.5, 5.25, 6.0)
    ]
    assert loud == [False, True, False, True, True, True]
    assert len(pcm) / 24_000 == pytest.approx(5.5 + lengths[2], abs=0.01)


def test_subtitles_read_on(fake_app: ServeFake) -> None:
    """Without their times they are running text."""
    client = fake_app(FakeEngine(frames_per_chunk=25)).client
    files, data = {"document": ("film.srt", SUBTITLES)}, {"keep_times": "false"}
    job_id = client.post("/jobs", files=files, data=data).json()["id"]
    job = until(client, job_id, "done")
    (segment,) = client.get(f"/jobs/{job_id}/segments").json()["segments"]
    assert segment["text"] == "Good morning to you. And to you. How are you?"
    assert (segment["start_seconds"], job["overruns"]) == (None, [])


def test_captions_in_every_format(fake_app: ServeFake) -> None:
    """Each is what a player of it reads; another format is refused."""
    client = fake_app().client
    job_id = added(client)
    until(client, job_id, "done")
    begun = {
        name: client.get(f"/jobs/{job_id}/captions.{name}").text[:12]
        for name in ("srt", "vtt", "lrc", "json")
    }
    assert begun["srt"].startswith("1\n00:00:00,")
    assert begun["vtt"].startswith("WEBVTT\n\n")
    assert begun["lrc"].startswith("[length:")
    assert begun["json"].startswith('{"duration_s')
    assert error_of(client.get(f"/jobs/{job_id}/captions.txt"), 400)


def test_a_change_disturbs_no_other_segment(fake_app: ServeFake) -> None:
    """Those that are being spoken go on while one is changed."""
    engine = FakeEngine(hold_after=2)
    client = fake_app(engine).client
    job_id = added(client)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(engine.streams) < 4:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    client.patch(f"/jobs/{job_id}/segments/2", json={"text": "Something else."})
    given_up = [stream for stream in engine.streams if stream.aborted.is_set()]
    assert ["paragraph one" in stream.job.chunks[0].text for stream in given_up] == [True]
    engine.let_go.set()
    until(client, job_id, "done")
    assert len(engine.streams) == 5


def test_segments_are_read_one_after_the_other(
    fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, a listener's script finds a thread that reads."""
    reading: set[str] = set()
    most = 0
    begin = Reading.begin

    async def watched(text: str, *rest: Any) -> Reading:
        nonlocal most
        reading.add(text)
        most = max(most, len(reading))
        await asyncio.sleep(0.02)
        try:
            return await begin(text, *rest)
        finally:
            reading.discard(text)

    monkeypatch.setattr(Reading, "begin", watched)
    client = fake_app().client
    job_id = added(client)
    until(client, job_id, "done")
    assert (most, client.get(f"/jobs/{job_id}").json()["segments"]) == (1, 4)


def test_a_listener_is_expected_while_the_text_is_read(
    fake_app: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody hears rests then, and only then: also after what was refused."""
    engine, begin = FakeEngine(), Reading.begin
    expected: list[int] = []

    async def watched(*arguments: Any) -> Reading:
        expected.append(engine.expected)
        return await begin(*arguments)

    monkeypatch.setattr(Reading, "begin", watched)
    client = fake_app(engine).client
    assert client.post("/tts", json={"script": "Hello there."}).status_code == 200
    assert client.post("/tts", json={"script": "[voice: nobody] !"}).status_code != 500
    assert (set(expected), engine.expected) == ({1}, 0)
    expected.clear()
    until(client, added(client), "done")
    assert set(expected) == {0}


def test_one_segment_anew(fake_app: ServeFake) -> None:
    """Only the segment that is changed is spoken again, and the old take stays."""
    engine = FakeEngine()
    served = fake_app(engine)
    client = served.client
    job_id = added(client, format="wav")
    until(client, job_id, "done")
    spoken = len(engine.streams)
    url = f"/jobs/{job_id}/segments/2"
    changed = client.patch(url, json={"text": "Something else.", "voice": "marius", "seed": 5})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["take"], changed.json()["done"]) == (2, False)
    until(client, job_id, "done")
    (stream,) = engine.streams[spoken:]
    assert "Something else" in stream.job.chunks[0].text
    assert stream.job.sampling.seed == 5
    assert stream.job.unhurried
    assert stream.needed_at_seconds() == math.inf
    takes = sorted(path.name for path in (served.settings.jobs_dir / job_id / "takes").iterdir())
    assert takes == ["000001.1.wav", "000002.1.wav", "000002.2.wav", "000003.1.wav", "000004.1.wav"]
    sound = [client.get(f"{url}/audio{which}") for which in ("", "?take=1", "?take=2")]
    assert [each.headers["content-type"] for each in sound] == ["audio/wav"] * 3
    assert [each.content == sound[0].content for each in sound] == [True, False, True]
    assert error_of(client.get(f"{url}/audio?take=3"), 404)
    assert error_of(client.get(f"/jobs/{job_id}/segments/99/audio"), 404)
    assert error_of(client.patch(f"/jobs/{job_id}/segments/99", json={}), 404)
    refused = error_of(client.patch(url, json={"voice": "nobody"}), 404)
    assert refused["field"] == "voice"


def test_pausing_resuming_cancelling_deleting(fake_app: ServeFake) -> None:
    """A job rests, goes on, ends and goes as its caller says."""
    engine = FakeEngine(hold_after=3)
    served = fake_app(engine)
    client = served.client
    job_id = added(client)
    until(client, job_id, "speaking")
    assert client.post(f"/jobs/{job_id}/pause").json()["state"] == "paused"
    assert all(stream.aborted.is_set() for stream in engine.streams)
    assert client.post(f"/jobs/{job_id}/resume").json()["state"] in ("queued", "speaking")
    until(client, job_id, "speaking")
    assert client.post(f"/jobs/{job_id}/cancel").json()["state"] == "cancelled"
    assert error_of(client.post(f"/jobs/{job_id}/resume"), 409)
    assert [job["id"] for job in client.get("/jobs").json()["jobs"]] == [job_id]
    assert client.delete(f"/jobs/{job_id}").status_code == 200
    assert error_of(client.get(f"/jobs/{job_id}"), 404)
    assert not (served.settings.jobs_dir / job_id).exists()


def test_events(fake_app: ServeFake) -> None:
    """Everything that happened is told, and after Last-Event-ID only what came then."""
    client = fake_app().client
    job_id = added(client)
    until(client, job_id, "done")
    blocks = client.get(f"/jobs/{job_id}/events").text.strip().split("\n\n")
    kinds = [block.split("\n")[1] for block in blocks]
    assert kinds.count("event: segment") == 4
    assert json.loads(blocks[0].split("data: ")[1])["state"] == "queued"
    assert json.loads(blocks[-1].split("data: ")[1])["state"] == "done"
    last = blocks[-2].split("\n")[0].removeprefix("id: ")
    again = client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": last}).text
    assert again.strip() == blocks[-1]


def test_the_same_key_is_the_same_job(fake_app: ServeFake) -> None:
    """Who asks again with an Idempotency-Key finds the job that is there."""
    client = fake_app().client
    headers = {"Idempotency-Key": "my book"}
    ids = {
        client.post("/jobs", json={"script": SCRIPT}, headers=headers).json()["id"]
        for _ in range(2)
    }
    assert len(ids) == 1


def test_voices_by_speaker_and_chapter(fake_app: ServeFake) -> None:
    """Names in brackets have the voices that the caller gives them; so have chapters."""
    engine = FakeEngine()
    client = fake_app(engine).client
    script = "[Alice] Good morning to you.\n[Bob] And a good day to you too."
    job_id = added(client, script=script, speakers={"Alice": "marius", "bob": "alba"})
    until(client, job_id, "done")
    said = {stream.job.chunks[0].text: stream.voice.name for stream in engine.streams}  # type: ignore[attr-defined]
    assert said == {"Good morning to you.": "marius", "And a good day to you too.": "alba"}
    files, data = {"document": ("tale.epub", BOOK)}, {"chapter_voices": '{"2": "marius"}'}
    job_id = client.post("/jobs", files=files, data=data).json()["id"]
    until(client, job_id, "done")
    said = {stream.job.chunks[0].text: stream.voice.name for stream in engine.streams}  # type: ignore[attr-defined]
    assert [voice for text, voice in said.items() if text.startswith("Two")] == ["marius"]


def test_some_chapters(fake_app: ServeFake) -> None:
    """Only those are spoken that are named; it is told where each part is heard."""
    client = fake_app().client
    chapters = {name: f"<h1>{name}</h1><p>It was so.</p>" for name in ("One", "Two", "Three")}
    files = {"document": ("tale.epub", epub(chapters))}
    job_id = client.post("/jobs", files=files, data={"chapters": "1,3"}).json()["id"]
    job = until(client, job_id, "done")
    assert [chapter["heading"] for chapter in job["chapters"]] == ["One", "Three"]
    first, second = client.get(f"/jobs/{job_id}/segments").json()["segments"]
    assert first["heard_at_seconds"] == 0
    assert second["heard_at_seconds"] == pytest.approx(first["seconds"] + 2, abs=0.001)
    assert second["heard_at_seconds"] == job["chapters"][1]["start_seconds"]
    assert job["heard_seconds"] == pytest.approx(second["heard_at_seconds"] + second["seconds"])


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"script": " "}, 400, "script"),
        ({"voice": "nobody"}, 404, "voice"),
        ({"format": "ogg"}, 400, "format"),
        ({"format": "flac", "bitrate": 64}, 400, "bitrate"),
        ({"chapter_voices": {"2": "alba"}}, 400, "chapter_voices"),
        ({"chapters": [2]}, 400, "chapters"),
        ({"chapters": "none"}, 400, "chapters"),
        ({"loudness": 3}, 400, "loudness"),
        ({"colour": "red"}, 400, "colour"),
    ],
)
def test_refusals(fake_app: ServeFake, fields: dict[str, Any], status: int, field: str) -> None:
    """What can be known to be wrong is refused at once, and no job is made."""
    client = fake_app().client
    answer = client.post("/jobs", json={"script": SCRIPT, **fields})
    assert error_of(answer, status)["field"] == field
    assert client.get("/jobs").json() == {"jobs": []}


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.pdf", b"%PDF-1.7\n", "damaged"),
        ("a.epub", BOOK[:400], "damaged or cut off"),
        ("a.srt", b"1\n99:00:00,000 --> 99:00:01,000\nHello.\n", "12 hours"),
    ],
)
def test_documents_that_are_refused(fake_app: ServeFake, name: str, data: bytes, why: str) -> None:
    """What cannot be read is a 400 that names the document, and no job is made."""
    client = fake_app().client
    error = error_of(client.post("/jobs", files={"document": (name, data)}), 400)
    assert (error["field"], why in error["message"]) == ("document", True), error
    assert client.get("/jobs").json() == {"jobs": []}


def test_an_indivisible_part_that_is_too_long(fake_app: ServeFake) -> None:
    """SSML is one part, and is refused now rather than in hours."""
    client = fake_app(max_script_chars=1000).client
    script = f"<speak>{'Hello there. ' * 100}</speak>"
    error = error_of(client.post("/jobs", json={"script": script}), 413)
    assert "cannot be divided; 1000 are allowed" in error["message"]
    assert client.post("/jobs", json={"script": "Hello there. " * 100}).status_code == 202


def test_takes_are_those_of_the_segments(fake_app: ServeFake) -> None:
    """Joined, the takes are what is heard."""
    served = fake_app()
    job_id = added(served.client, format="wav", loudness="off")
    until(served.client, job_id, "done")
    heard = served.client.get(f"/jobs/{job_id}/audio").content[44:]
    takes = sorted((served.settings.jobs_dir / job_id / "takes").iterdir())
    assert b"".join(path.read_bytes()[44:] for path in takes) == heard
    with wave.open(io.BytesIO(served.client.get(f"/jobs/{job_id}/output").content)) as file:
        finished = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    assert np.abs(finished.astype(int) - np.frombuffer(heard, "<i2")).max() <= 1
