"""What Fish Audio's POST /v1/tts refuses, in the shape that its SDKs read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fishaudio
import httpx
import ormsgpack
import pytest

from tests.api.fish.sdk import BASES, TEXT, sdk_for
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, fake_in_process

BODY = {"text": TEXT, "format": "wav", "reference_id": "alba"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with fake_in_process(tmp_path_factory.mktemp("fish"), max_script_chars=5000) as served:
        yield served


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        ({"latency": "soon"}, 400, "latency"),
        ({"mp3_bitrate": 100}, 400, "64, 128, 192"),
        ({"opus_bitrate": 8}, 400, "-1000, 24, 32, 48, 64"),
        ({"sample_rate": 44000}, 400, "sample_rate"),
        ({"format": "opus", "sample_rate": 44100}, 400, "sample_rate"),
        ({"reference_id": ["alba", "marius"]}, 400, "one voice"),
        (
            {"reference_id": None, "references": [{"audio": b"noise", "text": ""}]},
            400,
            "references",
        ),
        ({"reference_id": None, "references": [{"text": "no audio"}]}, 400, "references"),
    ],
)
def test_refusals(served: Served, sent: dict[str, Any], status: int, words: str) -> None:
    """Each is told in exactly the shape that both SDKs read, and names what was wrong."""
    for base in BASES:
        answer = served.client.post(
            f"{base}/v1/tts",
            content=ormsgpack.packb(BODY | sent),
            headers={"Content-Type": "application/msgpack"},
        )
        assert answer.status_code == status, answer.text
        assert answer.json().keys() == {"status", "message"}
        assert answer.json()["status"] == status
        assert words in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xc1",
        b"\x81",
        b"\x93\x01",
        ormsgpack.packb("text"),
        ormsgpack.packb({"text": "a"}) + b"\x00",
        b"\x81\xc4\x01\xff\x01",
        b"\x81\x90\x01",
        b"\xdd\xff\xff\xff\xff" * 100,
        b"\xdc\x04\x00" * 5000,
        b"\x91" * 100_000,
        b"\x9f" + (b"\xdc\x03\xff" + b"\x90" * 1023) * 15,
        b"\xc7\x08\xff" + bytes(8),
        b"\x81\xa4text\xa2\xff\xfe",
    ],
)
def test_malformed_msgpack(server: Served, body: bytes) -> None:
    """Broken or hostile MessagePack is refused, whatever lengths it announces."""
    answer = server.client.post(
        "/v1/tts", content=body, headers={"Content-Type": "application/msgpack"}
    )
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == 400


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data; boundary=x", b"--x\r\nnonsense"),
        ("application/x-www-form-urlencoded", b"text=a&prosody=%7B"),
    ],
)
def test_malformed_bodies(server: Served, kind: str, body: bytes) -> None:
    """So is every other body that is not what it says."""
    answer = server.client.post("/v1/tts", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 400, answer.text
    assert answer.json()["status"] == 400


def test_exceptions_of_the_sdk(server: Served, fake_server: ServeFake) -> None:
    """The SDK raises its own class for each kind of refusal."""
    with sdk_for(server) as sdk:
        with pytest.raises(fishaudio.NotFoundError, match="nobody"):
            sdk.tts.convert(text=TEXT, reference_id="nobody")
        with pytest.raises(fishaudio.APIError, match="HTTP 400: text"):
            sdk.tts.convert(text="")
        with pytest.raises(fishaudio.ServerError, match="HTTP 501"):
            sdk.asr.transcribe(audio=b"RIFF")
    with sdk_for(server, key="wrong") as sdk, pytest.raises(fishaudio.AuthenticationError):
        sdk.tts.convert(text=TEXT)
    busy = fake_server(FakeEngine(overloaded=True))
    with sdk_for(busy) as sdk, pytest.raises(fishaudio.RateLimitError):
        sdk.tts.convert(text=TEXT)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/asr"),
        ("GET", "/model"),
        ("POST", "/model"),
        ("PATCH", "/model/alba"),
        ("DELETE", "/model/alba"),
        ("GET", "/wallet/self/api-credit"),
        ("GET", "/fish/wallet/self/package"),
    ],
)
def test_no_key(server: Served, method: str, path: str) -> None:
    """Every call needs the key, and says so in this dialect's shape."""
    answer = httpx.request(method, server.url + path, trust_env=False)
    assert answer.status_code == 401
    assert answer.json().keys() == {"status", "message"}
