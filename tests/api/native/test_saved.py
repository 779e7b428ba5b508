"""GET /voice/<file>, and the addresses that lead there."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, error_of, send_raw, status_of

BODY = {"script": "Hello there.", "type": "url", "format": "wav"}


@pytest.fixture(scope="module")
def saved_url(server: Served) -> str:
    url: str = server.client.post("/tts", json=BODY).json()["url"]
    return url


@pytest.fixture
def stranger() -> Any:
    with httpx.Client(trust_env=False) as client:
        yield client


def test_range(stranger: httpx.Client, saved_url: str) -> None:
    """A part can be asked for, as players do when they seek."""
    whole = stranger.get(saved_url)
    assert whole.headers["accept-ranges"] == "bytes"
    part = stranger.get(saved_url, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert part.content == whole.content[100:200]
    beyond = stranger.get(saved_url, headers={"Range": f"bytes={len(whole.content)}-"})
    assert beyond.status_code == 416


def test_head(stranger: httpx.Client, saved_url: str) -> None:
    """HEAD tells type and length without the audio."""
    answer = stranger.head(saved_url)
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["content-length"]) == len(stranger.get(saved_url).content)
    assert answer.headers["content-type"] == "audio/wav"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_names_that_do_not_exist(server: Served) -> None:
    """No other name leads anywhere: no listing, no other folder, no other file."""
    secret = server.settings.voice_output_dir / "notes.txt"
    secret.write_text("not for everybody")
    (server.settings.voice_output_dir.parent / "outside.wav").write_text("outside")
    for path in (
        "/voice",
        "/voice/",
        "/voice/.",
        "/voice/..",
        "/voice/notes.txt",
        "/voice/../outside.wav",
        "/voice/..%2foutside.wav",
        "/voice/%2e%2e/outside.wav",
        "/voice/..%5coutside.wav",
        "/voice/%2fetc%2fpasswd",
        "/voice/audio_1_0f.wav",
        "/voice/audio_1760000000_00000000000000000000000000000000.wav",
        "/voice/audio_1760000000_00000000000000000000000000000000.wav%00",
    ):
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = send_raw(server.address, request.encode())
        assert status_of(answer) == 404, path
        assert b"everybody" not in answer
        assert b"x-request-id" in answer


def _saved(served: Served, **headers: str) -> str:
    url: str = served.client.post("/tts", json=BODY, headers=headers).json()["url"]
    return url.partition("/voice/")[0]


FORWARDED = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "speech.example.com"}


def test_url_has_the_host_of_the_client(fake_app: ServeFake) -> None:
    """The address begins with the host that the client used."""
    assert _saved(fake_app(), Host="my-machine:1234") == "http://my-machine:1234"


def test_trusted_proxy(fake_app: ServeFake) -> None:
    """A trusted proxy says how it was reached; with several proxies the last one counts."""
    served = fake_app()
    assert _saved(served, **FORWARDED) == "https://speech.example.com"
    chain = {"X-Forwarded-Host": "forged.example.com, [2001:db8::1]:8443"}
    assert _saved(served, **FORWARDED | chain) == "https://[2001:db8::1]:8443"


@pytest.mark.parametrize("proxies", ["*", "127.0.0.0/8"])
def test_trusted_networks(fake_app: ServeFake, proxies: str) -> None:
    """Trust can be given to networks, or to everybody."""
    served = fake_app(trusted_proxies=proxies)
    assert _saved(served, **FORWARDED) == "https://speech.example.com"


@pytest.mark.parametrize("proxies", ["", "10.0.0.1"])
def test_untrusted_proxy(fake_app: ServeFake, proxies: str) -> None:
    """What a stranger forwards is ignored."""
    served = fake_app(trusted_proxies=tuple(filter(None, [proxies])))
    assert _saved(served, **FORWARDED) == served.url


@pytest.mark.parametrize(
    "host", ["evil.com/path", "evil.com?x=", "a b", "user@evil.com", "<script>", "evil.com#", ""]
)
def test_malicious_forwarded_host(fake_app: ServeFake, host: str) -> None:
    """A forwarded host that is no host is ignored, and so is a scheme that is not the web's."""
    served = fake_app()
    headers = {"X-Forwarded-Host": host, "X-Forwarded-Proto": "javascript"}
    assert _saved(served, **headers) == served.url


def test_public_base_url(fake_app: ServeFake) -> None:
    """PUBLIC_BASE_URL is stronger than all of it."""
    served = fake_app(public_base_url="https://cdn.example.com/speech/")
    assert _saved(served, **FORWARDED) == "https://cdn.example.com/speech"


def test_unsaved_audio_is_not_found(fake_app: ServeFake) -> None:
    """The 404 has the shape of every other error."""
    answer = fake_app().client.get("/voice/audio_1_x.mp3", headers={"X-API-Key": KEY})
    assert error_of(answer, 404)["type"] == "not_found"


SECRET = "a-secret-for-tests"


def _file_of(url: str) -> str:
    return url.partition("/voice/")[2].partition("?")[0]


def test_removing(fake_app: ServeFake) -> None:
    """Who has the key can remove saved audio; strangers cannot."""
    served = fake_app()
    path = f"/voice/{_file_of(served.client.post('/tts', json=BODY).json()['url'])}"
    error_of(served.client.delete(path, headers={"X-API-Key": "wrong"}), 401)
    assert served.client.get(path).status_code == 200
    answer = served.client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert error_of(served.client.get(path), 404)["type"] == "not_found"
    assert error_of(served.client.delete(path), 404)["type"] == "not_found"


def test_signed_links(fake_app: ServeFake) -> None:
    """A signed link opens its file without a key, whole and in parts, and nothing else does."""
    served = fake_app(url_signing_secret=SECRET)
    url = served.client.post("/tts", json=BODY).json()["url"]
    other = _file_of(served.client.post("/tts", json=BODY).json()["url"])
    no_key = {"X-API-Key": ""}
    whole = served.client.get(url, headers=no_key)
    assert whole.status_code == 200
    lifetime = int(whole.headers["cache-control"].partition("max-age=")[2].partition(",")[0])
    assert 86_390 <= lifetime <= 86_400
    assert whole.headers["cache-control"].startswith("private")
    part = served.client.get(url, headers={**no_key, "Range": "bytes=0-9"})
    assert (part.status_code, part.content) == (206, whole.content[:10])

    params = httpx.URL(url).params
    for wrong in (
        {},
        {"expires": params["expires"]},
        {"signature": params["signature"]},
        {"expires": str(int(params["expires"]) + 1), "signature": params["signature"]},
        {"expires": f"0{params['expires']}", "signature": params["signature"]},
        {"expires": params["expires"], "signature": params["signature"].upper()},
        {"expires": "soon", "signature": "é"},
    ):
        answer = served.client.get(f"/voice/{_file_of(url)}", params=wrong, headers=no_key)
        assert error_of(answer, 403)["type"] == "forbidden", wrong
    error_of(served.client.get(f"/voice/{other}", params=params, headers=no_key), 403)
    assert served.client.get(f"/voice/{other}").status_code == 200


def test_links_end(fake_app: ServeFake) -> None:
    """A link is no good after its time, and the error says so."""
    served = fake_app(url_signing_secret=SECRET, url_lifetime_hours=1e-9)
    url = served.client.post("/tts", json=BODY).json()["url"]
    time.sleep(1.1)
    error = error_of(served.client.get(url, headers={"X-API-Key": ""}), 403)
    assert "has ended" in error["message"]


def test_no_room_is_said_before_anything_is_spoken(fake_app: ServeFake) -> None:
    """A folder that cannot be written is a 507 at once, and no speech is made."""
    engine = FakeEngine()
    served = fake_app(engine)
    folder = served.settings.voice_output_dir
    folder.rmdir()
    folder.touch()
    assert error_of(served.client.post("/tts", json=BODY), 507)["type"] == "storage_failed"
    assert not engine.streams
    folder.unlink()
    assert served.client.post("/tts", json=BODY).status_code == 200
