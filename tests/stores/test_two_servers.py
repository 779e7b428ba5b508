"""Two servers with one store: what one has, the other has."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.settings import SettingsError
from tests.serving import Served, error_of, fake_in_process, make_settings, serve_fake
from tests.stores.s3 import S3

HELLO = {"script": "Hello there.", "format": "wav"}


@pytest.fixture
def two(tmp_path: Path, s3: S3) -> Iterator[list[Served]]:
    """Two servers on disks of their own."""
    urls: dict[str, Any] = {
        "voices_url": f"{s3.bucket()}/here",
        "voice_output_url": f"{s3.bucket()}/there",
    }
    with ExitStack() as stack:
        yield [
            stack.enter_context(fake_in_process(tmp_path / name, **urls)) for name in ("one", "two")
        ]


def wait_for_voice(served: Served, name: str, *, there: bool) -> None:
    deadline = time.monotonic() + 1.0
    while (served.client.get(f"/voices/{name}").status_code == 200) is not there:
        assert time.monotonic() < deadline, "the other server takes longer than a second"
        time.sleep(0.02)


def make_voice(served: Served, recording: bytes, name: str = "tess") -> httpx.Response:
    files = {"files": ("a.wav", recording)}
    return served.client.post("/voices", data={"name": name}, files=files)


def test_a_voice(two: list[Served], recording: bytes) -> None:
    """It speaks on the other within a second, is changed there, and goes for both."""
    one, other = two
    assert make_voice(one, recording).status_code == 201
    wait_for_voice(other, "tess", there=True)
    assert other.client.post("/tts", json={**HELLO, "voice": "tess"}).status_code == 200
    changed = other.client.patch("/voices/tess", json={"description": "changed there"})
    assert changed.status_code == 200, changed.text
    # Whoever changes something looks at the store first, however old the copy is.
    assert one.client.patch("/voices/tess", json={"tags": ["new"]}).status_code == 200
    told = one.client.get("/voices/tess").json()
    assert (told["description"], told["tags"]) == ("changed there", ["new"])
    assert one.client.delete("/voices/tess").status_code in (200, 204)
    wait_for_voice(other, "tess", there=False)
    error_of(other.client.post("/tts", json={**HELLO, "voice": "tess"}), 404)


def test_a_name_is_taken_once(two: list[Served], recording: bytes) -> None:
    """A name that was taken on one is taken on the other at once."""
    one, other = two
    assert make_voice(one, recording).status_code == 201
    error_of(make_voice(other, recording), 409)


def test_saved_audio(two: list[Served]) -> None:
    """It is fetched from either, in parts as well, and removed for both."""
    one, other = two
    path = "/voice/" + one.client.post("/tts", json={**HELLO, "type": "url"}).json()["filename"]
    whole = other.client.get(path)
    assert whole.status_code == 200
    assert whole.content == one.client.get(path).content
    same = ("etag", "last-modified", "content-type", "content-length")
    assert [whole.headers[name] for name in same] == [
        one.client.get(path).headers[name] for name in same
    ]
    part = other.client.get(
        path, headers={"Range": "bytes=100-199", "If-Range": one.client.get(path).headers["etag"]}
    )
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert other.client.delete(path).status_code == 204
    error_of(one.client.get(path), 404)


def test_redirects(tmp_path: Path, s3: S3) -> None:
    """Where the operator wants it, the store itself gives the audio out, as what it is."""
    urls: dict[str, Any] = {"voice_output_url": s3.bucket(), "voice_output_redirect": True}
    with fake_in_process(tmp_path, **urls) as served:
        path = (
            "/voice/" + served.client.post("/tts", json={**HELLO, "type": "url"}).json()["filename"]
        )
        answer = served.client.get(path, follow_redirects=False)
        assert answer.status_code == 307
        with httpx.Client(trust_env=False) as stranger:
            fetched = stranger.get(answer.headers["location"], headers={"Range": "bytes=0-3"})
        assert (fetched.status_code, fetched.content) == (206, b"RIFF")
        assert fetched.headers["content-type"] == "audio/wav"
        error_of(served.client.get("/voice/audio_1_" + "0" * 32 + ".wav"), 404)


def test_a_store_that_goes(
    tmp_path: Path, s3: S3, recording: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Speech goes on meanwhile, in voices of the store too; what needs it is told to come again."""
    monkeypatch.setattr("app.stores.bucket.RETRY_SECONDS", 0.1)
    urls: dict[str, Any] = {"voices_url": s3.bucket(), "voice_output_url": s3.bucket()}
    with serve_fake(tmp_path, **urls) as served:
        assert make_voice(served, recording).status_code == 201
        path = (
            "/voice/" + served.client.post("/tts", json={**HELLO, "type": "url"}).json()["filename"]
        )
        s3.go()
        try:
            for voice in ("tess", "alba"):
                spoken = served.client.post("/tts", json={**HELLO, "voice": voice})
                assert spoken.status_code == 200
            for answer in (
                served.client.get(path),
                served.client.post("/tts", json={**HELLO, "type": "url"}),
                make_voice(served, recording, "anna"),
            ):
                assert error_of(answer, 503)["type"] == "store_unreachable"
                assert int(answer.headers["retry-after"]) > 0
        finally:
            s3.come()
        assert served.client.get(path).status_code == 200
        assert make_voice(served, recording, "anna").status_code == 201


@pytest.mark.parametrize("setting", ["voices_url", "voice_output_url"])
def test_a_store_that_is_not_there(
    tmp_path: Path, s3: S3, setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The start says which setting names a bucket that cannot be used."""
    from app.main import create_app  # noqa: PLC0415

    settings = make_settings(tmp_path, **{setting: "s3://no-such-bucket"})
    with pytest.raises(SettingsError, match=rf"{setting.upper()}: s3://no-such-bucket cannot be"):
        create_app(settings)
