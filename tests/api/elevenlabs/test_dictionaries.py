"""Pronunciation dictionaries, with ElevenLabs' own SDK: made, changed, fetched, and spoken with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from elevenlabs import (
    ElevenLabs,
    InitializeConnection,
    PronunciationDictionaryVersionLocator,
)
from elevenlabs import PronunciationDictionaryLocator as Locator
from elevenlabs import pronunciation_dictionaries as sdk_types
from elevenlabs.core import ApiError

from tests.api.elevenlabs.sdk import ONCE, detail_of, sdk_for
from tests.api.elevenlabs.test_live import heard, opened, say
from tests.fakes import FakeEngine
from tests.serving import Served, serve_fake

_PREFIX = "BodyAddAPronunciationDictionaryV1PronunciationDictionariesAddFromRulesPostRulesItem_"
Alias = getattr(sdk_types, f"{_PREFIX}Alias")
Phoneme = getattr(sdk_types, f"{_PREFIX}Phoneme")
MoreAlias = sdk_types.PronunciationDictionaryRule_Alias
NGINX = Alias(string_to_replace="Nginx", alias="engine X")
PLS = b"""<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon"
  alphabet="ipa" xml:lang="en-US">
  <lexeme><grapheme>GIF</grapheme><alias>jif</alias></lexeme>
</lexicon>
"""


@dataclass(frozen=True)
class Speaking:
    served: Served
    engine: FakeEngine
    sdk: ElevenLabs

    def said(self, text: str, *locators: tuple[str, str | None]) -> str:
        sent = [
            PronunciationDictionaryVersionLocator(pronunciation_dictionary_id=one, version_id=other)
            for one, other in locators
        ]
        speech = self.sdk.text_to_speech
        b"".join(
            speech.convert(
                "alba", text=text, pronunciation_dictionary_locators=sent, request_options=ONCE
            )
        )
        return " ".join(chunk.text for chunk in self.engine.streams[-1].job.chunks)


@pytest.fixture(scope="module")
def speaking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Speaking]:
    engine = FakeEngine()
    with serve_fake(tmp_path_factory.mktemp("dictionaries"), engine) as served:
        yield Speaking(served, engine, sdk_for(served))


def test_from_rules(speaking: Speaking) -> None:
    """Alias rules are spoken with, where a request names the dictionary; case counts."""
    made = speaking.sdk.pronunciation_dictionaries.create_from_rules(
        name="Programs",
        description="what they are called",
        rules=[
            NGINX,
            Alias(string_to_replace="gif", alias="jif", case_sensitive=False),
            Alias(string_to_replace="tele", alias="telly", word_boundaries=False),
        ],
    )
    assert (made.name, made.version_rules_num) == ("Programs", 3)
    assert speaking.said("Nginx nginx GIF television") == "Nginx nginx GIF television"
    spoken = "engine X nginx jif tellyvision"
    for version in (made.version_id, None):
        assert speaking.said("Nginx nginx GIF television", (made.id, version)) == spoken
    found = speaking.sdk.pronunciation_dictionaries.get(made.id)
    assert [rule.string_to_replace for rule in found.rules] == ["Nginx", "gif", "tele"]
    assert found.rules[0].type == "alias"
    assert [(rule.case_sensitive, rule.word_boundaries) for rule in found.rules] == [
        *((True, True), (False, True), (True, False))
    ]
    assert (found.name, found.description) == ("Programs", "what they are called")


def test_from_a_file(speaking: Speaking, tmp_path: Path) -> None:
    """A PLS file makes a dictionary, and each version can be fetched as one."""
    path = tmp_path / "lexicon.pls"
    path.write_bytes(PLS)
    dictionaries = speaking.sdk.pronunciation_dictionaries
    with path.open("rb") as file:
        made = dictionaries.create_from_file(name="Pictures", file=file)
    assert speaking.said("A GIF.", (made.id, made.version_id)) == "A jif."
    fetched = b"".join(dictionaries.download(made.id, made.version_id))
    assert b"<grapheme>GIF</grapheme>" in fetched
    again = dictionaries.create_from_file(name="Again", file=("x.pls", fetched))
    assert dictionaries.get(again.id).rules == dictionaries.get(made.id).rules


def test_versions(speaking: Speaking) -> None:
    """A change makes a new version; whoever knows the old one goes on to be spoken with it."""
    dictionaries = speaking.sdk.pronunciation_dictionaries
    made = dictionaries.create_from_rules(name="Versions", rules=[NGINX])
    rule = MoreAlias(string_to_replace="Nginx", alias="the server")
    more = MoreAlias(string_to_replace="Ping", alias="pong")
    changed = dictionaries.rules.add(made.id, rules=[rule, more])
    assert changed.version_id != made.version_id
    assert changed.version_rules_num == 2
    assert speaking.said("Nginx Ping", (made.id, made.version_id)) == "engine X Ping"
    assert speaking.said("Nginx Ping", (made.id, changed.version_id)) == "the server pong"
    removed = dictionaries.rules.remove(made.id, rule_strings=["Nginx"])
    assert speaking.said("Nginx Ping", (made.id, removed.version_id)) == "Nginx pong"
    other: Any = Alias(string_to_replace="GIF", alias="jif")
    dictionaries.rules.set(made.id, rules=[other])
    assert speaking.said("Nginx Ping GIF", (made.id, None)) == "Nginx Ping jif"


def test_several(speaking: Speaking) -> None:
    """The first dictionary that has a word counts."""
    dictionaries = speaking.sdk.pronunciation_dictionaries
    one = dictionaries.create_from_rules(name="One", rules=[NGINX])
    rules = [Alias(string_to_replace=each, alias="x") for each in ("Nginx", "GIF")]
    two = dictionaries.create_from_rules(name="Two", rules=rules)
    assert speaking.said("Nginx GIF", (one.id, None), (two.id, None)) == "engine X x"
    assert speaking.said("Nginx GIF", (two.id, None), (one.id, None)) == "x x"


def test_list(speaking: Speaking) -> None:
    """Dictionaries are listed by page, without those that were archived."""
    dictionaries = speaking.sdk.pronunciation_dictionaries
    made = [
        dictionaries.create_from_rules(name=f"Listed {number}", rules=[NGINX]).id
        for number in range(3)
    ]
    renamed = dictionaries.update(made[0], name="A first one")
    assert renamed.name == "A first one"
    names, cursor = list[str](), None
    while True:
        page = dictionaries.list(page_size=2, cursor=cursor, sort="name")
        names += [each.name for each in page.pronunciation_dictionaries]
        cursor = page.next_cursor
        if not page.has_more:
            break
    assert names == sorted(names, key=str.casefold)
    assert names[0] == "A first one"
    assert dictionaries.update(made[0], archived=True).archived_time_unix is not None
    listed = [each.id for each in dictionaries.list(page_size=100).pronunciation_dictionaries]
    assert made[0] not in listed
    assert set(made[1:]) <= set(listed)
    page = dictionaries.list(page_size=100, include_archived=True, sort_direction="ascending")
    assert made[0] in [each.id for each in page.pronunciation_dictionaries]


def test_the_socket(speaking: Speaking) -> None:
    """Locators come with the first frame; phrases count however the text is cut into frames."""
    rules = [NGINX, Alias(string_to_replace="Yahoo! Inc", alias="the company")]
    made = speaking.sdk.pronunciation_dictionaries.create_from_rules(name="Live", rules=rules)
    locator = Locator(pronunciation_dictionary_id=made.id, version_id=made.version_id)
    first = InitializeConnection(pronunciation_dictionary_locators=[locator])
    begun = len(speaking.engine.streams)
    with opened(speaking.served, "output_format=pcm_24000") as socket:
        say(socket, **first.model_dump(by_alias=True, exclude_none=True))
        for text in ("We use Ngi", "nx at Yah", "oo! ", "In", "c and so on. ", "Nginx.", ""):
            say(socket, text=text)
        frames, code = heard(socket)
    assert code == 1000
    streams = speaking.engine.streams[begun:]
    spoken = " ".join(chunk.text for stream in streams for chunk in stream.job.chunks)
    assert spoken == "We use engine X at the company and so on. engine X."
    written = "".join(
        "".join(frame["alignment"]["chars"]) for frame in frames if frame["alignment"]
    )
    assert written == " We use Nginx at Yahoo! Inc and so on. Nginx."


def test_the_socket_keeps_its_dictionaries(speaking: Speaking) -> None:
    """They cannot change while a text is read."""
    with opened(speaking.served) as socket:
        say(socket, text=" ")
        locators = [{"pronunciation_dictionary_id": "a", "version_id": "b"}]
        say(socket, text="Hello.", pronunciation_dictionary_locators=locators)
        frames, code = heard(socket)
    assert code == 1008
    assert "must be in the first frame" in frames[-1]["message"]


def test_phonemes_are_refused(speaking: Speaking) -> None:
    """By the name of the rule, whether in rules or in a file; nothing is made."""
    dictionaries = speaking.sdk.pronunciation_dictionaries
    before = dictionaries.list(page_size=100).pronunciation_dictionaries
    rule = Phoneme(string_to_replace="tomato", phoneme="x", alphabet="ipa")
    with pytest.raises(ApiError) as caught:
        dictionaries.create_from_rules(name="x", rules=[NGINX, rule], request_options=ONCE)
    message = detail_of(caught, 400)["message"]
    assert message.startswith("rules: the one for 'tomato' is a phoneme rule, and the model reads")
    file = b"<lexicon><lexeme><grapheme>tomato</grapheme><phoneme>x</phoneme></lexeme></lexicon>"
    with pytest.raises(ApiError) as caught:
        dictionaries.create_from_file(name="x", file=("x.pls", file), request_options=ONCE)
    assert "line 1: 'tomato' is said in phonemes" in detail_of(caught, 400)["message"]
    assert dictionaries.list(page_size=100).pronunciation_dictionaries == before


@pytest.mark.parametrize("call", ["get", "update", "download", "add", "remove", "set"])
def test_what_is_not_there(speaking: Speaking, call: str) -> None:
    """It is a 404 with a sentence."""
    dictionaries = speaking.sdk.pronunciation_dictionaries
    ask: dict[str, Any] = {
        "get": lambda: dictionaries.get("none", request_options=ONCE),
        "update": lambda: dictionaries.update("none", name="x", request_options=ONCE),
        "download": lambda: list(dictionaries.download("none", "x", request_options=ONCE)),
        "add": lambda: dictionaries.rules.add(
            "none", rules=[MoreAlias(string_to_replace="a", alias="b")], request_options=ONCE
        ),
        "remove": lambda: dictionaries.rules.remove(
            "none", rule_strings=["a"], request_options=ONCE
        ),
        "set": lambda: dictionaries.rules.set("none", rules=[NGINX], request_options=ONCE),
    }
    with pytest.raises(ApiError) as caught:
        ask[call]()
    detail = detail_of(caught, 404)
    assert detail["status"] == "not_found"
    assert "there is no dictionary 'none'" in detail["message"]


def test_locators_that_lead_nowhere(speaking: Speaking) -> None:
    """They are a 400 that names the field, and what the latest version is."""
    made = speaking.sdk.pronunciation_dictionaries.create_from_rules(name="x", rules=[NGINX])
    with pytest.raises(ApiError) as caught:
        speaking.said("Hi.", (made.id, "old"))
    message = detail_of(caught, 400)["message"]
    assert message.startswith("pronunciation_dictionary_locators: the dictionary ")
    assert message.endswith(f"the latest is {made.version_id}")
    with pytest.raises(ApiError) as caught:
        speaking.said("Hi.", *[(made.id, None)] * 11)
    message = detail_of(caught, 400)["message"]
    assert "pronunciation_dictionary_locators: list should have" in message
