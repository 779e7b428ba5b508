"""OpenAI's custom voices and consents, used by OpenAI's own SDK over a real server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import openai
import pytest

from tests.api.openai.sdk import async_sdk_for, sdk_for
from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.fakes import FakeEngine
from tests.serving import Served, serve_fake

CLIP = ("sample.wav", wav_bytes(voice_like(2)))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_fake(tmp_path, FakeEngine()) as served:
        yield served


@pytest.fixture
def sdk(served: Served) -> Iterator[openai.OpenAI]:
    with sdk_for(served) as client:
        yield client


def test_voice(sdk: openai.OpenAI, served: Served) -> None:
    """A voice made through the SDK speaks, is listed in the library, and goes."""
    consent = sdk.audio.voice_consents.create(language="en-US", name="me", recording=CLIP)
    voice = sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name="My Voice")
    assert (voice.object, voice.name, voice.id) == ("audio.voice", "My Voice", "My-Voice")
    assert voice.type == "audio_sample"
    assert voice.created_at > 1_700_000_000
    assert served.client.get("/voices/My-Voice").json()["title"] == "My Voice"
    speech = sdk.audio.speech.create(
        input="Hello.", model="tts-1", voice={"id": voice.id}, response_format="wav"
    )
    assert speech.content.startswith(b"RIFF")
    twin = sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name="My Voice")
    assert twin.id == "My-Voice-2"
    gone = sdk.audio.voices.delete(voice.id)
    assert (gone.id, gone.deleted, gone.object) == ("My-Voice", True, "audio.voice.deleted")
    with pytest.raises(openai.NotFoundError):
        sdk.audio.voices.delete(voice.id)
    with pytest.raises(openai.ConflictError, match="built in"):
        sdk.audio.voices.delete("alba")


@pytest.mark.parametrize("path", ["/v1/audio/voices", "/voices", "/elevenlabs/v1/voices"])
def test_a_consent_goes_with_its_voice(sdk: openai.OpenAI, served: Served, path: str) -> None:
    """Whoever takes the last voice of a consent away takes the consent too; a new name keeps it."""
    consent = sdk.audio.voice_consents.create(language="en-US", name="me", recording=CLIP)
    other = sdk.audio.voice_consents.create(language="en-US", name="other", recording=CLIP)
    for name in ("one", "two"):
        sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name=name)
    client = served.client
    assert client.patch("/voices/two", json={"name": "three"}).status_code == 200
    replaced = {"name": "three", "replace": "true"}
    assert client.post("/voices", data=replaced, files={"files": CLIP}).status_code == 201
    assert client.delete(f"{path}/one").status_code == 200
    assert sdk.audio.voice_consents.retrieve(consent.id).id == consent.id
    assert client.delete(f"{path}/three").status_code == 200
    assert [each.id for each in sdk.audio.voice_consents.list()] == [other.id]
    folder = served.settings.voices_dir / ".consents"
    assert {file.stem for file in folder.iterdir()} == {other.id}


def test_a_consent_that_went_before_its_voice(sdk: openai.OpenAI) -> None:
    """A voice whose consent was taken back can still be deleted."""
    consent = sdk.audio.voice_consents.create(language="en-US", name="me", recording=CLIP)
    voice = sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name="me")
    sdk.audio.voice_consents.delete(consent.id)
    assert sdk.audio.voices.delete(voice.id).deleted


def test_consents(sdk: openai.OpenAI, tmp_path: Path) -> None:
    """Consents are kept, listed page by page, renamed and removed with their recording."""
    made = [
        sdk.audio.voice_consents.create(language="en", name=f"c{number}", recording=CLIP)
        for number in range(5)
    ]
    assert {each.object for each in made} == {"audio.voice_consent"}
    page = sdk.audio.voice_consents.list(limit=2)
    assert (len(page.data), page.has_more) == (2, True)
    assert {each.id for each in page} == {each.id for each in made}
    renamed = sdk.audio.voice_consents.update(made[0].id, name="other")
    assert (renamed.name, renamed.language) == ("other", "en")
    assert sdk.audio.voice_consents.retrieve(made[0].id) == renamed
    folder = tmp_path / "voices" / ".consents"
    assert len(list(folder.iterdir())) == 10
    gone = sdk.audio.voice_consents.delete(made[0].id)
    assert (gone.deleted, gone.object) == (True, "audio.voice_consent")
    assert len(list(folder.iterdir())) == 8
    with pytest.raises(openai.NotFoundError):
        sdk.audio.voice_consents.retrieve(made[0].id)


def test_refusals(sdk: openai.OpenAI, tmp_path: Path) -> None:
    """What is missing or no voice is a 400 in OpenAI's shape that names the parameter."""
    consent = sdk.audio.voice_consents.create(language="en-US", name="me", recording=CLIP)
    before = sorted((tmp_path / "voices").rglob("*"))

    def refused(**fields: object) -> str | None:
        good = {"audio_sample": CLIP, "consent": consent.id, "name": "x"}
        with pytest.raises(openai.BadRequestError) as caught:
            sdk.audio.voices.create(**(good | fields))  # type: ignore[call-overload]
        return caught.value.param

    assert refused(consent="cons_1234") == "consent"
    assert refused(consent="../../etc/passwd") == "consent"
    assert refused(audio_sample=("x.wav", b"no audio" * 100)) == "audio_sample"
    assert refused(name="") == "name"
    with pytest.raises(openai.BadRequestError, match="recordings only"):
        sdk.audio.voices.create(name="x", prompt="a warm voice", type="prompt")
    for fields in (
        {"language": "english please", "recording": CLIP},
        {"language": "en", "recording": ("x.wav", b"no audio" * 100)},
        {"language": "en", "recording": ("x.wav", b"")},
    ):
        with pytest.raises(openai.BadRequestError):
            sdk.audio.voice_consents.create(name="x", **fields)  # type: ignore[arg-type]
    with pytest.raises(openai.BadRequestError, match="after"):
        sdk.audio.voice_consents.list(after="cons_x")
    assert sorted((tmp_path / "voices").rglob("*")) == before


def test_designed_voices(served: Served, sdk: openai.OpenAI) -> None:
    """A voice described in words is refused, whichever of its fields say so."""
    consent = sdk.audio.voice_consents.create(language="en", name="me", recording=CLIP)
    good = {"name": "x", "audio_sample": CLIP, "consent": consent.id}
    designed = {"type": "prompt", "prompt": "a warm voice", "model": "auto", "script_hint": "Hi."}
    for field, value in designed.items():
        with pytest.raises(openai.BadRequestError, match="recordings only") as caught:
            sdk.audio.voices.create(**good, **{field: value})  # type: ignore[call-overload]
        assert caught.value.param == field
    refused = served.client.post("/v1/audio/voices", json=designed | {"name": "x"})
    assert refused.status_code == 400


def test_delete_with_a_content_type(served: Served, sdk: openai.OpenAI) -> None:
    """The SDK's DELETE says that it is JSON and has no body."""
    consent = sdk.audio.voice_consents.create(language="en", name="me", recording=CLIP)
    voice = sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name="x")
    for path in (f"voices/{voice.id}", f"voice_consents/{consent.id}"):
        answer = served.client.delete(
            f"/v1/audio/{path}", headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 200
        assert answer.json()["deleted"] is True


async def test_async_client(served: Served) -> None:
    """The asynchronous client has the same calls."""
    async with async_sdk_for(served) as sdk:
        consents = sdk.audio.voice_consents
        consent = await consents.create(language="en", name="me", recording=CLIP)
        voice = await sdk.audio.voices.create(audio_sample=CLIP, consent=consent.id, name="x")
        assert [each.id async for each in consents.list(limit=1)] == [consent.id]
        assert (await consents.update(consent.id, name="you")).name == "you"
        assert (await consents.retrieve(consent.id)).name == "you"
        assert (await sdk.audio.voices.delete(voice.id)).deleted
        assert (await consents.delete(consent.id)).deleted


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x"])
def test_wrong_page(served: Served, query: str) -> None:
    """A page has 1 to 100 consents."""
    answer = served.client.get(f"/v1/audio/voice_consents?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "limit"


def test_key(served: Served) -> None:
    """Every route needs the key."""
    for method, path in (
        ("POST", "/v1/audio/voices"),
        ("DELETE", "/v1/audio/voices/x"),
        ("POST", "/v1/audio/voice_consents"),
        ("GET", "/v1/audio/voice_consents"),
        ("GET", "/v1/audio/voice_consents/x"),
        ("POST", "/v1/audio/voice_consents/x"),
        ("DELETE", "/v1/audio/voice_consents/x"),
    ):
        assert httpx.request(method, served.url + path).status_code == 401
