"""ElevenLabs' voices, made and searched with ElevenLabs' own SDK over a real server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from elevenlabs import AsyncElevenLabs, ElevenLabs, VoiceSettings
from elevenlabs.core import ApiError

from tests.api.elevenlabs.sdk import ONCE, TEXT, detail_of, sdk_for
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.fakes import FakeEngine
from tests.serving import KEY, Served, serve_fake

CLIP = ("sample.wav", wav_bytes(voice_like(2)))
OTHER_CLIP = ("other.wav", wav_bytes(voice_like(1.5)[::-1]))


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve_fake(tmp_path, FakeEngine(frames_per_chunk=25)) as served:
        yield served


@pytest.fixture
def sdk(served: Served) -> ElevenLabs:
    return sdk_for(served)


@pytest.fixture(scope="module")
def emptied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for tests that leave nothing behind."""
    with serve_fake(tmp_path_factory.mktemp("fake"), FakeEngine()) as served:
        yield served


def test_voice(sdk: ElevenLabs) -> None:
    """A voice is made of several recordings, described, listed, spoken with, and goes."""
    made = sdk.voices.ivc.create(
        name="My Voice",
        files=[CLIP, OTHER_CLIP],
        description="Warm.",
        labels={"accent": "irish", "language": "en-GB"},
        remove_background_noise=True,
    )
    assert (made.voice_id, made.requires_verification) == ("My-Voice", False)
    twin = sdk.voices.ivc.create(name="My Voice", files=[CLIP])
    assert twin.voice_id == "My-Voice-2"
    voice = sdk.voices.get("my-voice")
    assert (voice.voice_id, voice.name, voice.description) == ("My-Voice", "My Voice", "Warm.")
    assert (voice.category, voice.is_owner) == ("cloned", True)
    assert voice.labels == {"accent": "irish", "language": "en-GB"}
    assert voice.created_at_unix is not None
    assert voice.created_at_unix > 1_700_000_000
    listed = sdk.voices.get_all().voices
    assert [each.voice_id for each in listed] == ["alba", "marius", "My-Voice", "My-Voice-2"]
    assert [each.category for each in listed] == ["premade"] * 2 + ["cloned"] * 2
    assert b"".join(sdk.text_to_speech.convert("My-Voice", text=TEXT))
    assert sdk.voices.delete("My-Voice").status == "ok"
    with pytest.raises(ApiError) as caught:
        sdk.voices.delete("My-Voice")
    assert detail_of(caught, 404)["status"] == "voice_not_found"


def test_edit(sdk: ElevenLabs, served: Served) -> None:
    """Editing changes what is sent and keeps the rest; the id stays, whatever the name."""
    voice_id = sdk.voices.ivc.create(
        name="A", files=[CLIP], description="Warm.", labels={"age": "old"}
    ).voice_id
    sdk.voices.update(voice_id, name="Someone else")
    voice = sdk.voices.get(voice_id)
    assert (voice.name, voice.description, voice.labels) == (
        "Someone else",
        "Warm.",
        {"age": "old"},
    )
    # The SDK takes labels as JSON as well, which it encodes once more.
    sdk.voices.update(
        voice_id, name="B", description="Cold.", labels=json.dumps({"gender": "male"})
    )
    voice = sdk.voices.get(voice_id)
    assert (voice.name, voice.description, voice.labels) == ("B", "Cold.", {"gender": "male"})
    assert served.client.get(f"/voices/{voice_id}").json()["title"] == "B"
    with pytest.raises(ApiError) as caught:
        sdk.voices.update(voice_id, name="C", files=[OTHER_CLIP])
    assert "make a new one" in detail_of(caught, 400)["message"]
    assert sdk.voices.get(voice_id).name == "B"
    with pytest.raises(ApiError) as caught:
        sdk.voices.update("alba", name="C", request_options=ONCE)
    assert "built in" in detail_of(caught, 409)["message"]


def test_settings(sdk: ElevenLabs, served: Served) -> None:
    """Settings are kept with a voice people made; its speed is heard where none is asked for."""
    voice_id = sdk.voices.ivc.create(name="A", files=[CLIP]).voice_id
    default = sdk.voices.settings.get_default()
    assert (default.stability, default.speed) == (0.5, 1.0)
    assert sdk.voices.settings.get(voice_id) == default
    sdk.voices.settings.update(voice_id, request=VoiceSettings(stability=0.3, speed=0.8))
    sdk.voices.settings.update(voice_id, request=VoiceSettings(style=0.1))
    kept = sdk.voices.settings.get(voice_id)
    assert (kept.stability, kept.speed, kept.style, kept.similarity_boost) == (0.3, 0.8, 0.1, 0.75)
    assert sdk.voices.get(voice_id).settings == kept

    def seconds(**fields: Any) -> float:
        pieces = sdk.text_to_speech.convert(
            voice_id.lower(), text=TEXT, output_format="pcm_24000", **fields
        )
        return len(b"".join(pieces)) / 48000

    assert abs(seconds() - 2.5) < 0.15
    assert abs(seconds(voice_settings=VoiceSettings(stability=0.5)) - 2.5) < 0.15
    assert abs(seconds(voice_settings=VoiceSettings(speed=1.0)) - 2.0) < 0.15
    served.client.patch(f"/voices/{voice_id}", json={"description": "Still there."})
    assert sdk.voices.settings.get(voice_id) == kept


def test_settings_refused(sdk: ElevenLabs, served: Served) -> None:
    """Settings out of range are refused, and those of a built-in voice cannot be changed."""
    answer = served.client.post(
        "/v1/voices/alba/settings/edit",
        content=b'{"speed": NaN}',
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 400
    assert sdk.voices.settings.get("alba") == sdk.voices.settings.get_default()
    with pytest.raises(ApiError) as caught:
        sdk.voices.settings.update("alba", request=VoiceSettings(speed=1), request_options=ONCE)
    assert "built in" in detail_of(caught, 409)["message"]
    with pytest.raises(ApiError) as caught:
        sdk.voices.settings.update("alba", request=VoiceSettings(style=2))
    assert "style: " in detail_of(caught, 400)["message"]
    for ask in (sdk.voices.settings.get, sdk.voices.get, sdk.voices.delete):
        with pytest.raises(ApiError) as caught:
            ask("nobody")
        assert detail_of(caught, 404)["status"] == "voice_not_found"


def test_broken_settings(sdk: ElevenLabs, served: Served) -> None:
    """Settings that an operator broke do not take the voice away."""
    voice_id = sdk.voices.ivc.create(name="A", files=[CLIP]).voice_id
    path = served.settings.voices_dir / f"{voice_id}.json"
    path.write_text(json.dumps({"voice_settings": {"speed": "fast"}, "created": "long ago"}))
    voice = sdk.voices.get(voice_id)
    assert (voice.settings, voice.created_at_unix) == (sdk.voices.settings.get_default(), None)
    assert b"".join(sdk.text_to_speech.convert(voice_id, text=TEXT))


@pytest.fixture
def found(sdk: ElevenLabs, served: Served) -> Callable[..., list[str]]:
    """The ids that a search finds among two built-in voices and three of our own."""
    for name, labels, description in (
        ("Zoe", {"accent": "irish", "gender": "female", "use_case": "news"}, "Warm."),
        ("anna", {"accent": "scots", "gender": "female", "age": "old"}, None),
        ("Bert", {"language": "fr"}, "A warm-hearted uncle."),
    ):
        sdk.voices.ivc.create(name=name, files=[CLIP], labels=labels, description=description or "")
    for number, name in enumerate(("Zoe", "anna", "Bert")):
        path = served.settings.voices_dir / f"{name}.json"
        created = f"2026-01-0{number + 1}T00:00:00+00:00"
        path.write_text(json.dumps({**json.loads(path.read_text()), "created": created}))

    def search(**query: Any) -> list[str]:
        return [each.voice_id for each in sdk.voices.search(**query).voices]

    return search


def test_search(found: Callable[..., list[str]]) -> None:
    """Voices are found by their words, kinds and labels."""
    ours = ["Bert", "Zoe", "anna"]
    assert found() == ["alba", "marius", *ours]
    assert found(search="WARM") == ["Bert", "Zoe"]
    assert found(search="scots") == ["anna"]
    assert found(search="cloned") == ours
    for voice_type in ("personal", "non-default", "non-community", "saved"):
        assert found(voice_type=voice_type) == ours
    assert found(voice_type="default") == found(category="premade") == ["alba", "marius"]
    assert found(category="cloned") == ours
    assert found(gender="female", accent="Irish") == ["Zoe"]
    assert found(age="old") == ["anna"]
    assert found(language=["fr"]) == ["Bert"]
    assert found(language=["fr", "en"]) == ["alba", "marius", "Bert"]
    assert found(use_cases=["news", "ads"]) == ["Zoe"]
    assert found(voice_ids=["Zoe", "alba", "nobody"]) == ["alba", "Zoe"]
    for nothing in (
        {"voice_type": "community"},
        {"voice_type": "workspace"},
        {"category": "professional"},
        {"high_quality": True},
        {"fine_tuning_state": "fine_tuned"},
        {"collection_id": "abc"},
        {"search": "no such voice"},
    ):
        assert found(**nothing) == []


def test_order_and_pages(found: Callable[..., list[str]], sdk: ElevenLabs) -> None:
    """Voices come in the order that is asked for, page by page, each of them once."""
    assert found(sort="name") == ["alba", "anna", "Bert", "marius", "Zoe"]
    assert found(sort="name", sort_direction="desc")[0] == "Zoe"
    mine = {"voice_type": "personal", "sort": "created_at_unix"}
    assert found(**mine) == ["Zoe", "anna", "Bert"]
    assert found(**mine, sort_direction="desc") == ["Bert", "anna", "Zoe"]
    seen: list[str] = []
    token = None
    while True:
        page = sdk.voices.search(
            page_size=2, sort="name", next_page_token=token, include_total_count=True
        )
        assert page.total_count == 5
        assert len(page.voices) <= 2
        seen += [each.voice_id for each in page.voices]
        token = page.next_page_token
        assert page.has_more == (token is not None)
        if token is None:
            break
    assert seen == ["alba", "anna", "Bert", "marius", "Zoe"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"page_size": 0}, "page_size: "),
        ({"page_size": 101}, "page_size: "),
        ({"sort": "age"}, "sort: "),
        ({"sort_direction": "up"}, "sort_direction: "),
        ({"voice_type": "mine"}, "voice_type: "),
        ({"next_page_token": "nowhere"}, "next_page_token"),
    ],
)
def test_bad_search(emptied: Served, query: dict[str, Any], words: str) -> None:
    """A search that makes no sense says why."""
    with pytest.raises(ApiError) as caught:
        sdk_for(emptied).voices.search(**query)
    assert words in detail_of(caught, 400)["message"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"files": []}, "files must be 1 to 25 recordings"),
        ({"files": [CLIP] * 26}, "there are 26"),
        ({"files": [("a.wav", b"")]}, "files is empty"),
        ({"files": [("a.wav", b"no audio" * 100)]}, "files"),
        ({"name": ""}, "name is required"),
        ({"name": "a" * 201}, "name: "),
        ({"description": "a" * 2001}, "description has 2001 characters"),
        ({"labels": "warm"}, "labels must be a JSON object"),
        ({"labels": "[" * 5000}, "labels must be a JSON object"),
        ({"labels": {"age": 5}}, "each of the labels must be a text"),
        ({"labels": {str(number): "" for number in range(33)}}, "there are 33 labels"),
        ({"labels": {"age": "a" * 65}}, "at most 64 characters"),
    ],
)
def test_bad_voice(emptied: Served, fields: dict[str, Any], words: str) -> None:
    """What is no voice is refused with what was wrong, and leaves nothing behind."""
    with pytest.raises(ApiError) as caught:
        sdk_for(emptied).voices.ivc.create(**{"name": "x", "files": [CLIP], **fields})
    assert words in detail_of(caught, 400)["message"]
    assert not list(emptied.settings.voices_dir.glob("*.*"))


def test_recording_over_the_limit(fake_server: ServeFake) -> None:
    """A recording over the limit is a 413."""
    sdk = sdk_for(fake_server(max_upload_mb=0.05))
    with pytest.raises(ApiError) as caught:
        sdk.voices.ivc.create(name="x", files=[CLIP])
    assert detail_of(caught, 413)["status"] == "too_large"


def test_key(emptied: Served) -> None:
    """Every route needs the key, and says so in ElevenLabs' shape."""
    sdk = sdk_for(emptied, key="wrong")
    for ask in (
        sdk.voices.get_all,
        sdk.voices.search,
        sdk.voices.settings.get_default,
        lambda: sdk.voices.get("alba"),
        lambda: sdk.voices.delete("alba"),
        lambda: sdk.voices.ivc.create(name="x", files=[CLIP]),
        lambda: sdk.voices.update("alba", name="x"),
        lambda: sdk.voices.settings.get("alba"),
        lambda: sdk.voices.settings.update("alba", request=VoiceSettings()),
        sdk.models.list,
    ):
        with pytest.raises(ApiError) as caught:
            ask()
        assert detail_of(caught, 401)["status"] == "invalid_api_key"


async def test_async_client(served: Served) -> None:
    """The asynchronous client works as well, also below the prefix."""
    async with httpx.AsyncClient(timeout=30) as connections:
        sdk = AsyncElevenLabs(
            api_key=KEY, base_url=f"{served.url}/elevenlabs", httpx_client=connections
        )
        made = await sdk.voices.ivc.create(name="A", files=[CLIP])
        await sdk.voices.update(made.voice_id, name="B")
        await sdk.voices.settings.update(made.voice_id, request=VoiceSettings(speed=1.1))
        voice = await sdk.voices.get(made.voice_id)
        assert voice.settings == await sdk.voices.settings.get(made.voice_id)
        assert (await sdk.voices.settings.get_default()).speed == 1.0
        assert [each.name for each in (await sdk.voices.get_all()).voices][-1] == "B"
        assert (await sdk.voices.search(search="B")).total_count == 2
        assert (await sdk.voices.delete(made.voice_id)).status == "ok"
        assert (await sdk.models.list())[0].model_id == "pocket-tts"


def test_preview(emptied: Served) -> None:
    """The address of a preview leads to one, for whoever has the key."""
    url = sdk_for(emptied).voices.get("alba").preview_url
    assert url is not None
    answer = emptied.client.get(url)
    assert answer.headers["content-type"] == "audio/mpeg"
