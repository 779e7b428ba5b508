"""/pronunciations: the operator's own and dictionaries with names, over HTTP, and what they do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.callers.keys_file import add_key
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served, error_of, fake_in_process

PLS = b"<lexicon><lexeme><grapheme>GIF</grapheme><alias>jif</alias></lexeme></lexicon>"
IPA = b"<lexicon><lexeme><grapheme>GIF</grapheme><phoneme>x</phoneme></lexeme></lexicon>"


@dataclass(frozen=True)
class Speaking:
    """A server, and the engine that shows what it was given."""

    served: Served
    engine: FakeEngine

    def ask(self, method: str, path: str, status: int = 200, **sent: Any) -> Any:
        answer = self.served.client.request(method, path, **sent)
        assert answer.status_code == status, answer.text
        return answer.json()

    def said(self, script: str, **fields: Any) -> str:
        answer = self.served.client.post("/tts", json={"script": script, **fields})
        assert answer.status_code == 200, answer.text
        return " ".join(chunk.text for chunk in self.engine.streams[-1].job.chunks)

    def add(self, written: str, spoken: str, **fields: Any) -> None:
        body = {"written": written, "spoken": spoken, **fields}
        self.ask("POST", "/pronunciations", 201, json=body)

    def listed(self, **query: str) -> list[str]:
        found = self.ask("GET", "/pronunciations", params=query)["pronunciations"]
        return [each["written"] for each in found]

    def take_in(self, name: str, data: bytes, **fields: str) -> Any:
        sent = {"data": fields, "files": {"file": (name, data)}}
        return self.ask("POST", "/pronunciations/import", 201, **sent)


@pytest.fixture
def speaking(tmp_path: Path) -> Iterator[Speaking]:
    engine = FakeEngine()
    with fake_in_process(tmp_path, engine) as served:
        yield Speaking(served, engine)


def test_the_operators_own(speaking: Speaking) -> None:
    """What is added holds for all speech from then on and is in the file; so is what is deleted."""
    assert speaking.listed() == []
    speaking.add("Nginx", "engine X")
    speaking.add("US", "U S", case_sensitive=True, language="en-US")
    assert speaking.said("Nginx and the US, us") == "engine X and the U S, us"
    file = speaking.served.settings.pronunciations_file
    assert file.read_text().splitlines()[-2:] == ["Nginx = engine X", "[en, case] US = U S"]
    assert speaking.ask("GET", "/pronunciations")["pronunciations"][1] == {
        "written": "US",
        "spoken": "U S",
        "language": "en",
        "case_sensitive": True,
        "whole_words": True,
    }
    assert speaking.ask("DELETE", "/pronunciations", params={"written": "nginx"})["deleted"]
    assert speaking.said("Nginx") == "Nginx"
    assert speaking.listed() == ["US"]


def test_an_edited_file_has_effect(speaking: Speaking) -> None:
    """So it does while the server runs."""
    speaking.add("Nginx", "engine X")
    file = speaking.served.settings.pronunciations_file
    file.write_text("Nginx = engine ten\n# longer than before\n\n\n")
    speaking.served.wait_until(lambda _: speaking.said("Nginx") == "engine ten")


def test_what_cannot_be_added(speaking: Speaking) -> None:
    """The refusal names what is wrong; nothing is replaced unasked."""
    speaking.add("Nginx", "engine X")

    def error(status: int, method: str = "POST", **sent: Any) -> dict[str, Any]:
        return error_of(speaking.served.client.request(method, "/pronunciations", **sent), status)

    again = {"written": "NGINX", "spoken": "x"}
    refused = error(409, json=again)
    assert "there is a pronunciation of 'NGINX' already; send replace=true" in refused["message"]
    speaking.add("NGINX", "x", replace=True)
    assert speaking.listed() == ["NGINX"]
    refused = error(400, json={"written": "x" * 101, "spoken": "x"})
    assert "the word has 101 characters" in refused["message"]
    assert error(400, json={"written": "x"})["field"] == "spoken"
    assert error(400, json={**again, "language": "xx"})["field"] == "language"
    assert error(400, json={**again, "sounds": "x"})["field"] == "sounds"
    refused = error(404, json={**again, "dictionary": "none"})
    assert "there is no dictionary 'none'" in refused["message"]
    refused = error(404, "DELETE", params={"written": "GIF"})
    assert "there is no pronunciation of 'GIF'" in refused["message"]


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.pls", PLS), ("a.csv", b"GIF,jif\n"), ("a.txt", b"GIF = jif\n"), ("a", PLS)],
)
def test_import(speaking: Speaking, name: str, data: bytes) -> None:
    """Files in three formats are taken in, beside what is there or in its place."""
    speaking.add("Nginx", "engine X")
    assert speaking.take_in(name, data) == {"dictionary": None, "imported": 1}
    assert speaking.said("Nginx GIF") == "engine X jif"
    speaking.take_in(name, data, replace="true")
    assert speaking.listed() == ["GIF"]


@pytest.mark.parametrize(
    ("name", "data", "status", "words"),
    [
        ("a.pls", IPA, 400, "line 1: 'GIF' is said in phonemes, and the model reads letters"),
        ("a.txt", b"GIF = jif\nNginx\n", 400, "line 2: 'Nginx' is not of the form"),
        ("a.doc", b"GIF = jif\n", 400, "file must end in .pls, .csv, .txt"),
        ("a.txt", b"", 400, "file is empty"),
        ("a.txt", b"#" * 2_000_001, 413, "file is larger than the 2000000 bytes allowed"),
    ],
)
def test_a_wrong_file(speaking: Speaking, name: str, data: bytes, status: int, words: str) -> None:
    """All of it is refused, by its lines."""
    answer = speaking.served.client.post("/pronunciations/import", files={"file": (name, data)})
    error = error_of(answer, status)
    assert words in error["message"]
    assert error["field"] == "file"
    assert speaking.listed() == []


@pytest.mark.parametrize("kind", ["pls", "csv", "txt"])
def test_export(speaking: Speaking, kind: str) -> None:
    """What is given out can be taken in again, and is the same."""
    speaking.add("Nginx", "engine <X>, the server")
    speaking.add("US", "U S", language="en", case_sensitive=True)
    before = speaking.ask("GET", "/pronunciations")
    answer = speaking.served.client.get("/pronunciations/export", params={"format": kind})
    assert answer.headers["content-disposition"].endswith(f'"pronunciations.{kind}"')
    speaking.take_in("x.txt", b"other = x", replace="true")
    speaking.take_in(f"x.{kind}", answer.content, replace="true")
    assert speaking.ask("GET", "/pronunciations") == before


def test_dictionaries(speaking: Speaking) -> None:
    """One with a name holds where a script names it, and is changed as the operator's own is."""
    speaking.take_in("a.pls", PLS, dictionary="pictures")
    speaking.add("PNG", "ping", dictionary="pictures")
    (shown,) = speaking.ask("GET", "/pronunciations/dictionaries")["dictionaries"]
    assert (shown["name"], shown["pronunciations"]) == ("pictures", 2)
    assert speaking.listed() == []
    assert speaking.listed(dictionary=shown["id"]) == ["GIF", "PNG"]
    for name in ("pictures", shown["id"]):
        script = f'<speak>GIF <lexicon uri="{name}"/>GIF PNG</speak>'
        assert speaking.said(script) == "GIF jif ping"
    params = {"written": "png", "dictionary": "pictures"}
    speaking.ask("DELETE", "/pronunciations", params=params)
    exported = speaking.served.client.get(
        "/pronunciations/export", params={"format": "txt", "dictionary": "pictures"}
    )
    assert exported.text == "[case] GIF = jif\n"
    speaking.ask("DELETE", "/pronunciations/dictionaries/pictures")
    assert speaking.ask("GET", "/pronunciations/dictionaries") == {"dictionaries": []}
    speaking.ask("DELETE", "/pronunciations/dictionaries/pictures", 404)


def test_a_requests_own(speaking: Speaking) -> None:
    """They hold for the request alone, and before the operator's."""
    speaking.add("Nginx", "x")
    speaking.add("GIF", "jif")
    options = {"spoken": "U S", "case_sensitive": True, "language": "English"}
    own = {"Nginx": "engine X", "US": options, "ell": {"spoken": "L", "whole_words": False}}
    spoken = speaking.said("Nginx GIF US us hello", pronunciations=own)
    assert spoken == "engine X jif U S us hLo"
    assert speaking.said("Nginx GIF US us", pronunciations={}) == "x jif US us"
    assert speaking.said("Nginx", pronunciations=None) == "x"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"a": ""}, "pronunciations: what is spoken for 'a' is empty"),
        ({"a": 1}, "pronunciations: input should be a valid string"),
        ({"a": {"say": "x"}}, "pronunciations"),
        ({"a": {"spoken": "x", "language": "xx"}}, "pronunciations"),
        ("Nginx = engine X", "pronunciations: must be a JSON object such as"),
        ("[" * 5_000, "pronunciations: must be a JSON object such as"),
        ([["a", "b"]], "pronunciations: input should be a valid dictionary"),
        ({str(number): "x" for number in range(10_001)}, "pronunciations: dictionary should have"),
    ],
)
def test_a_requests_own_that_are_wrong(speaking: Speaking, wrong: Any, words: str) -> None:
    """They are refused by the field's name."""
    answer = speaking.served.client.post("/tts", json={"script": "Hi.", "pronunciations": wrong})
    error = error_of(answer, 400)
    assert error["field"] == "pronunciations"
    assert words in error["message"]


def test_in_an_address(speaking: Speaking) -> None:
    """An audio element sends them as JSON in its address."""
    query = {"script": "Nginx", "pronunciations": json.dumps({"Nginx": "engine X"})}
    assert speaking.served.client.get("/tts", params=query).status_code == 200
    assert speaking.engine.streams[-1].job.chunks[0].text == "engine X"


def test_captions_have_the_writers_words(speaking: Speaking) -> None:
    """Whatever is said for them, also for two words that are one name."""
    body = {
        "script": "In Los Angeles Nginx's fine.",
        "pronunciations": {"Nginx": "engine X", "Los Angeles": "Loss Anjeles"},
        "timestamps": "word",
    }
    words = speaking.ask("POST", "/tts", json=body)["words"]
    assert [word["text"] for word in words] == ["In", "Los Angeles", "Nginx's", "fine."]


def test_keys(fake_app: ServeFake, tmp_path: Path) -> None:
    """As for voices: any key may look, and one for voices may change."""
    path = tmp_path / "keys.toml"
    speech, voices = (
        {"X-API-Key": add_key(path, name, [name], {})} for name in ("speech", "voices")
    )
    client = fake_app(api_keys_file=path).client
    body = {"written": "Nginx", "spoken": "engine X"}
    rules = {"name": "a", "rules": [{"string_to_replace": "a", "alias": "b"}]}
    for where, sent in (
        ("/pronunciations", body),
        ("/v1/pronunciation-dictionaries/add-from-rules", rules),
    ):
        assert client.get(where.removesuffix("/add-from-rules"), headers=speech).status_code == 200
        assert client.post(where, json=sent, headers=speech).status_code == 403
        assert client.post(where, json=sent, headers=voices).status_code in (200, 201)
    assert client.get("/pronunciations", headers={"X-API-Key": ""}).status_code == 401
