"""Fish Audio's voices, made, found, changed and taken away through its SDKs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import fish_audio_sdk
import fishaudio
import pytest
from fishaudio import FishAudio

from tests.api.fish.sdk import BASES, TEXT, async_sdk_for, sdk_for, session_for
from tests.audio.probe import voice_like
from tests.conftest import ServeFake, wav_bytes
from tests.serving import Served, serve_fake

CLIP = wav_bytes(voice_like(2.0))


@pytest.fixture
def served(fake_server: ServeFake) -> Served:
    return fake_server()


@pytest.fixture
def sdk(served: Served) -> Iterator[FishAudio]:
    with sdk_for(served) as sdk:
        yield sdk


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FishAudio]:
    """Two built-in voices and three that were made here."""
    with serve_fake(tmp_path_factory.mktemp("library")) as served, sdk_for(served) as sdk:
        for title, tags in (("Old man", ["male", "deep"]), ("Young man", ["male"]), ("Oma", [])):
            sdk.voices.create(title=title, voices=[CLIP], tags=tags)
        for name, language in (("Old-man", "en"), ("Oma", "de")):
            served.client.patch(f"/voices/{name}", json={"language": language}).raise_for_status()
        yield sdk


def test_life_of_a_voice(served: Served) -> None:
    """A voice of two recordings is made, speaks, is changed and goes; under both paths."""
    for base in BASES:
        with sdk_for(served, base=base) as sdk:
            made = sdk.voices.create(
                title="My voice",
                voices=[CLIP, CLIP],
                texts=["one", "two"],
                tags=["warm", "slow"],
                description="of mine",
                cover_image=b"\x89PNG",
                visibility="unlist",
            )
            assert (made.id, made.title, made.description) == ("My-voice", "My voice", "of mine")
            assert (made.tags, made.state, made.author.id) == (["warm", "slow"], "trained", "owner")
            assert made.created_at.year > 2020
            assert sdk.tts.convert(text=TEXT, reference_id=made.id)
            sdk.voices.update(made.id, title="Ours", tags=["new"], visibility="public")
            assert sdk.voices.get(made.id).title == "Ours"
            sdk.voices.update(made.id, description="changed", cover_image=b"\x89PNG")
            changed = sdk.voices.get(made.id)
            assert (changed.tags, changed.description) == (["new"], "changed")
            sdk.voices.delete(made.id)
            with pytest.raises(fishaudio.NotFoundError):
                sdk.voices.get(made.id)


def test_titles_need_not_be_unique(sdk: FishAudio) -> None:
    """Two voices may have one title; their ids differ."""
    ids = [sdk.voices.create(title="Twin", voices=[CLIP]).id for _ in range(2)]
    assert ids == ["Twin", "Twin-2"]
    assert sdk.voices.list(title="twin").total == 2


async def test_async_sdk(served: Served) -> None:
    """The asynchronous client does the same."""
    async with async_sdk_for(served) as sdk:
        made = await sdk.voices.create(title="My voice", voices=[CLIP])
        await sdk.voices.update(made.id, title="Ours")
        assert (await sdk.voices.list(self_only=True)).items[0].title == "Ours"
        assert (await sdk.account.get_package()).balance > 0
        await sdk.voices.delete(made.id)
        with pytest.raises(fishaudio.NotFoundError):
            await sdk.voices.get(made.id)


def test_older_sdk(served: Served) -> None:
    """So does the older one."""
    with session_for(served) as session:
        made = session.create_model(
            title="My voice", voices=[CLIP, CLIP], texts=["one", "two"], cover_image=b"x"
        )
        session.update_model(made.id, title="Ours", tags=["a"])
        assert session.get_model(made.id).title == "Ours"
        assert session.list_models(self_only=True, tag="a").total == 1
        session.delete_model(made.id)
        with pytest.raises(fish_audio_sdk.HttpCodeErr, match="404"):
            session.get_model(made.id)


@pytest.mark.parametrize(
    ("wanted", "titles"),
    [
        ({}, {"alba", "marius", "Old man", "Young man", "Oma"}),
        ({"self_only": True}, {"Old man", "Young man", "Oma"}),
        ({"title": "MAN"}, {"Old man", "Young man"}),
        ({"tags": "male"}, {"Old man", "Young man"}),
        ({"tags": ["male", "deep"]}, {"Old man"}),
        ({"author_id": "kyutai"}, {"alba", "marius"}),
        ({"author_id": "owner", "language": "de"}, {"Oma"}),
        ({"self_only": True, "language": ["de", "en"]}, {"Oma", "Old man"}),
        ({"title_language": "de"}, {"Oma"}),
        ({"title": "nobody"}, set()),
    ],
)
def test_filters(library: FishAudio, wanted: dict[str, Any], titles: set[str]) -> None:
    """All filters that are given must hold."""
    found = library.voices.list(page_size=50, **wanted)
    assert {voice.title for voice in found.items} == titles
    assert found.total == len(titles)


def test_pages_and_order(library: FishAudio) -> None:
    """Pages follow one another without gaps; the newest come first where that is asked for."""
    pages = [library.voices.list(page_size=2, page_number=page) for page in (1, 2, 3, 4)]
    assert [len(page.items) for page in pages] == [2, 2, 1, 0]
    assert {page.total for page in pages} == {5}
    assert len({voice.id for page in pages for voice in page.items}) == 5
    newest = library.voices.list(sort_by="created_at")
    made = [voice.created_at for voice in newest.items]
    assert made == sorted(made, reverse=True)


@pytest.mark.parametrize(
    "query",
    ["page_size=0", "page_size=x", "page_number=0", "sort_by=size", "self=perhaps"],
)
def test_bad_queries(server: Served, query: str) -> None:
    """A filter that cannot be meant is refused in this dialect's shape."""
    answer = server.client.get(f"/model?{query}")
    assert answer.status_code == 400
    assert answer.json().keys() == {"status", "message"}
    assert query.partition("=")[0] in answer.json()["message"]


def test_built_in_voices(sdk: FishAudio) -> None:
    """Built-in voices are there to be used, not to be changed."""
    voice = sdk.voices.get("alba")
    assert (voice.author.id, voice.visibility, voice.languages) == ("kyutai", "public", ["en"])
    with pytest.raises(fishaudio.APIError, match=r"HTTP 409: .*built in"):
        sdk.voices.update("alba", title="Mine")
    with pytest.raises(fishaudio.APIError, match=r"HTTP 409: .*built in"):
        sdk.voices.delete("alba")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"voices": [b"no audio"]}, "voices"),
        ({"voices": [CLIP, b""]}, "voices"),
        ({"voices": []}, "voices"),
        ({"title": ""}, "title"),
        ({"title": "x" * 300}, "title"),
        ({"train_mode": "slow"}, "train_mode"),
        ({"visibility": "hidden"}, "visibility"),
        ({"tags": ["x" * 100]}, "tag"),
        ({"description": "x" * 3000}, "description"),
    ],
)
def test_bad_voices(server: Served, fields: dict[str, Any], words: str) -> None:
    """What cannot become a voice is refused by name, and nothing is left of it."""
    with sdk_for(server) as sdk:
        before = sdk.voices.list().total
        with pytest.raises(fishaudio.APIError, match=f"HTTP 400: .*{words}"):
            sdk.voices.create(**({"title": "New", "voices": [CLIP]} | fields))
        assert sdk.voices.list().total == before


def test_no_singing(server: Served) -> None:
    """A voice that sings cannot be made."""
    answer = server.client.post(
        "/model",
        data={"title": "Singer", "type": "svc"},
        files={"voices": ("upload", io.BytesIO(CLIP))},
    )
    assert answer.status_code == 400
    assert "tts" in answer.json()["message"]
