"""What Flash-TTS's clients are told when something is wrong."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from tests.conftest import ServeFake
from tests.serving import KEY, detail_of

TEXT = "Hello there, this is a short test."
SPEAK = {"text": TEXT, "name": "alba"}
OPENAI = {"input": TEXT, "voice": "alba"}


@pytest.mark.parametrize(
    ("path", "body", "status", "words"),
    [
        ("/speak", SPEAK | {"name": ""}, 400, "name must not be empty"),
        ("/speak", SPEAK | {"pitch": "highest"}, 400, "pitch: input should be 'very_low', 'low'"),
        ("/speak", SPEAK | {"speed": 1.5}, 400, "speed: input should be 'very_low', 'low'"),
        ("/speak", SPEAK | {"temperature": "hot"}, 400, "temperature: input should be a valid"),
        ("/speak", SPEAK | {"top_k": "many"}, 400, "top_k: input should be a valid number"),
        ("/speak", SPEAK | {"stream": "perhaps"}, 400, "stream: input should be a valid boolean"),
        ("/multi_speak", {"text": TEXT}, 400, "text names no role"),
        ("/multi_speak", {"text": "<role:nobody> Hi."}, 400, "does not exist: 'nobody'"),
        ("/multi_speak", {"text": "<role:alba,pitch:x> Hi."}, 400, "has a pitch that is none of"),
        ("/flash/v1/audio/speech", OPENAI | {"voice": "https://x.y/a.wav"}, 400, "ALLOW_VOICE"),
    ],
)
def test_refusals(
    client: httpx.Client, path: str, body: dict[str, Any], status: int, words: str
) -> None:
    """What is wrong names its field in Flash-TTS's words, streamed or not."""
    assert words in detail_of(client.post(path, json=body), status)
    if body.get("stream") is None:
        assert words in detail_of(client.post(path, json=body | {"stream": True}), status)


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({}, 400, "reference_audio or reference_audio_file is required"),
        ({"reference_audio": ""}, 400, "reference_audio or reference_audio_file is required"),
        ({"reference_audio": "%%%"}, 400, "reference_audio is not base64"),
        ({"reference_audio": "A" * 4000}, 400, "reference_audio is not audio"),
        ({"reference_audio": "data:audio/wav,abc"}, 400, "data URL without base64"),
        ({"reference_audio": "http://x.y/a.wav"}, 400, "reference_audio is not allowed on this"),
        ({"reference_audio_file": "text"}, 400, "reference_audio_file must be sent as a file"),
        ({"text": "", "reference_audio": "A" * 4000}, 400, "text is required"),
        ({"reference_audio": "A" * 4000, "top_p": "x"}, 400, "top_p: input should be a valid"),
    ],
)
def test_refused_forms(client: httpx.Client, form: dict[str, str], status: int, words: str) -> None:
    """So does what is wrong in a form."""
    assert words in detail_of(client.post("/clone_voice", data={"text": TEXT} | form), status)


def test_recordings_that_are_none(client: httpx.Client) -> None:
    """A latent alone is no voice; a file that is no recording is named."""
    files: dict[str, bytes]
    for files, words in (
        ({"latent_file": b"x" * 500}, "no voice can be made of a latent_file alone"),
        ({"reference_audio_file": b"x" * 500}, "reference_audio_file is not audio"),
        ({"reference_audio_file": b""}, "reference_audio_file is empty"),
    ):
        answer = client.post("/clone_voice", data={"text": TEXT}, files=files)
        assert words in detail_of(answer, 400)


def test_broken_bodies(client: httpx.Client) -> None:
    """What is neither JSON nor a form is a 400."""
    headers = {"Content-Type": "application/json"}
    answer = client.post("/multi_speak", content=b'{"text": "Hi"', headers=headers)
    assert "not valid JSON" in detail_of(answer, 400)
    assert "JSON object" in detail_of(client.post("/multi_speak", json=[1]), 400)
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/clone_voice", content=b"--x\r\nbroken", headers=headers)
    detail_of(answer, 400)


def test_upload_over_the_limit(fake_app: ServeFake, recording: bytes) -> None:
    """A recording over MAX_UPLOAD_MB is a 413, however it comes."""
    client = fake_app(max_upload_mb=0.05).client
    encoded = base64.b64encode(recording).decode()
    answer = client.post("/clone_voice", data={"text": TEXT, "reference_audio": encoded})
    assert "reference_audio is larger" in detail_of(answer, 413)
    files = {"reference_audio_file": recording}
    answer = client.post("/clone_voice", data={"text": TEXT}, files=files)
    assert "reference_audio_file is larger" in detail_of(answer, 413)


def test_key(client: httpx.Client) -> None:
    """Without the key, or with a wrong one, the answer is exactly Flash-TTS's."""
    for path in ("/clone_voice", "/multi_speak"):
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            answer = httpx.post(str(client.base_url.join(path)), json=SPEAK, headers=headers)
            assert answer.status_code == 401
            assert answer.json() == {"error": "Unauthorized"}
    headers = {"Authorization": f"Bearer {KEY}"}
    assert httpx.post(str(client.base_url.join("/speak")), json=SPEAK, headers=headers).is_success
