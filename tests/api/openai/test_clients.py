"""Programs that speak OpenAI's API: the calls that each of them makes."""

from __future__ import annotations

import base64
import json
import urllib.request
from collections.abc import Iterator
from typing import Any, get_args

import httpx
import openai
import pytest
import requests
from openai.types.audio.speech_model import SpeechModel

from app.api.openai.speech import OPENAI_MODELS
from tests.api.openai.sdk import INPUT, async_sdk_for, sdk_for
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import KEY, Served

BEARER = {"Authorization": f"Bearer {KEY}"}
BUILT_IN = ("alba", "marius", "javert", "jean", "fantine", "cosette", "eponine", "azelma")


@pytest.fixture
def sdk(server: Served) -> Iterator[openai.OpenAI]:
    with sdk_for(server) as sdk:
        yield sdk


def test_models(sdk: openai.OpenAI) -> None:
    """Every model that the SDK knows is listed, and can be looked at."""
    assert {each.id for each in sdk.models.list()} == {"pocket-tts", *get_args(SpeechModel)}
    model = sdk.models.retrieve("tts-1")
    assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "kyutai")


def test_open_webui_lists(client: httpx.Client) -> None:
    """Open WebUI fills its two menus from these."""
    models = client.get("/v1/audio/models").json()["models"]
    assert [each["id"] for each in models] == list(OPENAI_MODELS)
    voices = client.get("/v1/audio/voices").json()["voices"]
    assert voices == [{"id": "alba", "name": "alba"}, {"id": "bruno", "name": "bruno"}]
    assert {each["id"]: each["name"] for each in models}["tts-1"] == "tts-1"


def test_public_lists(fake_server: ServeFake) -> None:
    """Where PUBLIC_LISTS is set, models and built-in voices are shown without a key."""
    served = fake_server(public_lists=True)
    served.client.post(
        "/voices", data={"name": "mine"}, files={"files": wav_bytes(voice_like(3.0))}
    ).raise_for_status()
    with httpx.Client(base_url=served.url, trust_env=False) as stranger:
        for path in ("/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices"):
            assert stranger.get(path).status_code == 200
            assert stranger.get(path, headers={"api-key": "wrong"}).status_code == 401
        voices = [each["id"] for each in stranger.get("/v1/audio/voices").json()["voices"]]
        # wyoming-openai and others find the voices of Speaches in its model.
        model = stranger.get("/v1/models/tts-1").json()
        assert (model["task"], model["language"]) == ("text-to-speech", ["en"])
        assert [each["name"] for each in model["voices"]] == voices
        for method, path in (("POST", "/v1/audio/speech"), ("GET", "/voices"), ("GET", "/model")):
            assert stranger.request(method, path).status_code == 401
    assert voices == ["alba", "marius"]
    known = [each["id"] for each in served.client.get("/v1/audio/voices").json()["voices"]]
    assert known == ["alba", "marius", "mine"]


def test_mistral(fake_server: ServeFake) -> None:
    """Open WebUI's engine for Mistral sends `voice_id`, and reads the audio from JSON."""
    engine = FakeEngine()
    client = fake_server(engine).client
    body = {"input": INPUT, "model": "voxtral", "voice_id": "marius", "response_format": "wav"}
    answer = client.post("/v1/audio/speech", json=body)
    assert base64.b64decode(answer.json()["audio_data"]).startswith(b"RIFF")
    events = client.post("/v1/audio/speech", json=body | {"stream": True}).text
    data = [json.loads(line[6:]) for line in events.splitlines() if line.startswith("data: ")]
    assert {each["type"] for each in data} == {"speech.audio.delta", "speech.audio.done"}
    assert base64.b64decode(data[0]["audio_data"]).startswith(b"RIFF")
    assert {each.voice for each in engine.streams} == {FakeVoice("marius")}
    both = client.post("/v1/audio/speech", json=body | {"voice": "alba"})
    assert (both.status_code, both.json()["error"]["param"]) == (400, "voice_id")


@pytest.mark.parametrize(
    ("fields", "heard"),
    [
        ({"model": "marius"}, "marius"),
        ({"model": "onyx"}, "javert"),
        ({"model": "marius", "voice": "alba"}, "alba"),
        ({"model": "whatever"}, "alba"),
        ({"voice": "21m00Tcm4TlvDq8ikWAM"}, "cosette"),
        ({"voice": "af_bella"}, "alba"),
        ({"voice": "narrator"}, "jean"),
    ],
)
def test_names_of_voices(fake_app: ServeFake, fields: dict[str, str], heard: str) -> None:
    """LocalAI has voices as models; ids that clients ship mean voices, and VOICE_ALIASES adds."""
    engine = FakeEngine(predefined_voices=BUILT_IN)
    client = fake_app(engine, voice_aliases="Narrator=jean, af_bella=alba").client
    client.post("/v1/audio/speech", json={"input": INPUT, **fields}).raise_for_status()
    assert engine.streams[0].voice == FakeVoice(heard)


def test_open_webui_without_the_key(server: Served) -> None:
    """It asks for the lists without a key; told no, it offers OpenAI's names, which speak here."""
    for path in ("/v1/audio/models", "/v1/audio/voices"):
        assert requests.get(server.url + path, timeout=5).status_code == 401
    aliases = server.settings.openai_voices
    assert {"alloy", "echo", "fable", "onyx", "nova", "shimmer"} <= set(aliases)


def test_open_webui_speech(fake_server: ServeFake) -> None:
    """Its request: the message, model and voice of its settings, and whatever these add."""
    engine = FakeEngine(predefined_voices=BUILT_IN)
    served = fake_server(engine)
    answer = requests.post(
        f"{served.url}/v1/audio/speech",
        json={"input": INPUT, "voice": "nova", "model": "tts-1", "response_format": "wav"},
        headers={
            **BEARER,
            "Content-Type": "application/json",
            "X-OpenWebUI-User-Name": "Ada%20Lovelace",
            "X-OpenWebUI-User-Role": "user",
        },
        timeout=10,
    )
    assert answer.ok
    assert answer.content.startswith(b"RIFF")
    # It reads the type to decide whether to transcode.
    assert answer.headers["Content-Type"] == "audio/wav"
    assert engine.streams[0].voice == FakeVoice(served.settings.openai_voices["nova"])


@pytest.mark.parametrize("deployment", [None, "my-tts"])
def test_azure(server: Served, deployment: str | None) -> None:
    """The SDK's client for Azure, with a deployment in its base URL, or in each path by model."""
    with openai.AzureOpenAI(
        azure_endpoint=server.url,
        azure_deployment=deployment,
        api_key=KEY,
        api_version="2025-03-01-preview",
        max_retries=0,
    ) as azure:
        answer = azure.audio.speech.create(
            model="tts-hd", voice="alba", input=INPUT, response_format="wav"
        )
        assert answer.content.startswith(b"RIFF")
        with pytest.raises(openai.NotFoundError, match="nobody"):
            azure.audio.speech.create(model="tts-hd", voice="nobody", input=INPUT)


def test_azure_without_a_deployment(client: httpx.Client) -> None:
    """Azure's newer path names none; outside of its prefix such a path has a part too few."""
    url, body = "/openai/audio/speech?api-version=preview", {"input": INPUT, "model": "tts"}
    headers = {"api-key": KEY, "X-API-Key": ""}
    assert client.post(url, json=body, headers=headers).status_code == 200
    assert client.post("/audio/speech", json=body).status_code == 404


def test_open_webui_errors(server: Served) -> None:
    """It shows its users `error.message`."""
    answer = requests.post(
        f"{server.url}/v1/audio/speech",
        json={"input": INPUT, "voice": "nobody", "model": "tts-1"},
        headers=BEARER,
        timeout=10,
    )
    assert answer.status_code == 404
    assert "nobody" in answer.json()["error"]["message"]


def test_litellm(fake_server: ServeFake) -> None:
    """LiteLLM calls the SDK with the parameters of its own caller, and retries by itself."""
    engine = FakeEngine()
    with sdk_for(fake_server(engine)) as sdk:
        arguments: dict[str, Any] = {
            "response_format": "mp3",
            "speed": 1.5,
            "instructions": "Slow.",
        }
        answer = sdk.audio.speech.create(model="tts-1", voice="alloy", input=INPUT, **arguments)
    assert answer.response.headers["content-type"] == "audio/mpeg"
    assert answer.content


def test_litellm_proxy_passes_on(server: Served) -> None:
    """A proxy may add fields of its own; they do no harm."""
    body = {
        "model": "openai/pocket-tts",
        "input": INPUT,
        "voice": "alba",
        "user": "me",
        "metadata": {"tags": ["a"]},
        "stream": True,
        "response_format": "wav",
    }
    headers = {**BEARER, "Accept": "application/octet-stream"}
    answer = httpx.post(f"{server.url}/v1/audio/speech", json=body, headers=headers)
    assert answer.content.startswith(b"RIFF")


async def test_home_assistant(fake_server: ServeFake) -> None:
    """Home Assistant's own integration: the asynchronous SDK, read piece by piece.

    It sends the instructions as text, even when there are none.
    """
    async with async_sdk_for(fake_server(FakeEngine(predefined_voices=BUILT_IN))) as sdk:
        assert [each async for each in sdk.with_options(timeout=10).models.list()]
        async with sdk.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts",
            voice="marin",
            input=INPUT,
            instructions="None",
            speed=1.0,
            response_format="opus",
        ) as answer:
            heard = b"".join([piece async for piece in answer.iter_bytes()])
    assert heard.startswith(b"OggS")


def test_home_assistant_openai_tts(fake_server: ServeFake) -> None:
    """The custom component openai_tts: the standard library, the whole URL, extra fields."""
    served = fake_server(FakeEngine(predefined_voices=BUILT_IN))
    payload = {
        "model": "tts-1",
        "input": INPUT,
        "voice": "shimmer",
        "response_format": "mp3",
        "speed": 1.0,
        "instructions": "Speak softly.",
        "chunk_length": 200,
    }
    request = urllib.request.Request(
        f"{served.url}/v1/audio/speech",
        data=json.dumps(payload).encode(),
        headers={
            **BEARER,
            "Content-Type": "application/json",
            "User-Agent": "HomeAssistant-OpenAI-TTS",
        },
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.headers["Content-Type"] == "audio/mpeg"
        assert answer.read()
    voices = requests.get(
        f"{served.url}/v1/audio/voices", params={"limit": 100}, headers=BEARER, timeout=5
    ).json()
    assert {"id": "alba", "name": "alba"} in voices["voices"]


def test_everything_under_the_prefix(fake_server: ServeFake, recording: bytes) -> None:
    """With /openai/v1 as the base URL all calls work, errors included."""
    served = fake_server(FakeEngine())
    with sdk_for(served, base="/openai/v1") as sdk:
        speech = sdk.audio.speech.create(
            model="tts-1", voice="alloy", input=INPUT, response_format="wav"
        )
        assert speech.content.startswith(b"RIFF")
        assert len(sdk.models.list().data) == len(OPENAI_MODELS)
        assert sdk.models.retrieve("tts-1-hd").id == "tts-1-hd"
        clip = ("clip.wav", recording)
        consent = sdk.audio.voice_consents.create(language="en", name="me", recording=clip)
        voice = sdk.audio.voices.create(audio_sample=clip, consent=consent.id, name="Mine")
        listed = served.client.get("/openai/v1/audio/voices").json()["voices"]
        assert {"id": voice.id, "name": "Mine"} in listed
        assert [each.id for each in sdk.audio.voice_consents.list()] == [consent.id]
        assert sdk.audio.voices.delete(voice.id).deleted
        assert served.client.get("/openai/v1/audio/models").json()["models"]
        with pytest.raises(openai.NotFoundError) as caught:
            sdk.audio.speech.create(model="tts-1", voice="nobody", input=INPUT)
        assert caught.value.param == "voice"
        with pytest.raises(openai.NotFoundError) as caught:
            sdk.post("/nothing", cast_to=object)
        assert caught.value.type == "invalid_request_error"
    with (
        sdk_for(served, base="/openai/v1", api_key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.models.list()
