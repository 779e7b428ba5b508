"""Dictionaries with names are kept as files, with the versions that clients may still use."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import pytest

from app import bounds
from app.errors import Conflict, DictionaryNotFound, InvalidRequest, StorageFailed, TooLarge
from app.lexicon import Pronunciation
from app.pronunciations import dictionaries as module
from app.pronunciations.changes import with_added, without
from app.pronunciations.dictionaries import Dictionaries
from app.pronunciations.lines import Line
from tests.serving import LogRecords

NGINX = Pronunciation("Nginx", "engine X")
GIF = Pronunciation("GIF", "jif", "en", case_sensitive=True, whole_words=False)


def added(*pronunciations: Pronunciation) -> partial[list[Line]]:
    return partial(with_added, added=pronunciations, replace=True)


def test_kept(tmp_path: Path) -> None:
    """A dictionary is found by id and by name, by this server and by the next one."""
    kept = Dictionaries(tmp_path / "new" / "folder")
    made = kept.create(" Programs ", [NGINX, GIF], "what they are called")
    for each in (kept, Dictionaries(tmp_path / "new" / "folder")):
        assert each.find(made.id) == each.find("Programs") == made
        assert each.lexicon_called("Programs").pronunciations == (NGINX, GIF)
        assert each.all() == [made]
    kept.delete("Programs")
    with pytest.raises(DictionaryNotFound, match="no dictionary 'Programs'"):
        kept.find("Programs")
    assert kept.all() == []


def test_versions(tmp_path: Path) -> None:
    """A change makes a version, and one that changes nothing none; the last ten are kept."""
    kept = Dictionaries(tmp_path)
    first = kept.create("a", [NGINX])
    second = kept.change("a", added(GIF))
    assert kept.change("a", added(GIF)) == second
    assert second.version(first.latest.id).pronunciations == (NGINX,)
    assert second.version(None).pronunciations == (NGINX, GIF)
    for number in range(bounds.DICTIONARY_VERSIONS - 1):
        last = kept.change("a", added(Pronunciation("b", f"c{number}")))
    assert len(last.versions) == bounds.DICTIONARY_VERSIONS
    with pytest.raises(DictionaryNotFound, match=f"no longer; the latest is {last.latest.id}"):
        last.version(first.latest.id)
    gone = kept.change("a", partial(without, written=["nginx", "gif", "B"]))
    assert gone.latest.pronunciations == ()


def test_described(tmp_path: Path) -> None:
    """A dictionary can be renamed and archived, which makes no version."""
    kept = Dictionaries(tmp_path)
    made = kept.create("a", [NGINX])
    assert kept.describe(made.id, new_name="b").versions == made.versions
    assert kept.describe("b", archived=True).archived_unix is not None
    assert kept.describe("b", archived=False).archived_unix is None


def test_two_of_one_name(tmp_path: Path) -> None:
    """The name alone says nothing then; the refusal tells the ids."""
    kept = Dictionaries(tmp_path)
    ids = {kept.create("a", [each]).id for each in (NGINX, GIF)}
    with pytest.raises(Conflict) as refused:
        kept.find("a")
    assert all(each in refused.value.message for each in ids)


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x00b"])
def test_names(tmp_path: Path, name: str) -> None:
    """A name can be read, and is not long."""
    with pytest.raises(InvalidRequest, match="name must have 1 to 200 characters") as refused:
        Dictionaries(tmp_path).create(name, [NGINX])
    assert refused.value.field == "name"


@pytest.mark.parametrize("name", ["../a", "..", "/etc/passwd", "a" * 20, "x.json"])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Whatever is asked for is a name or an id, and never a path."""
    (tmp_path / "x.json").write_text("{}")
    with pytest.raises(DictionaryNotFound):
        Dictionaries(tmp_path / "inside").find(name)
    with pytest.raises(DictionaryNotFound):
        Dictionaries(tmp_path).find(name)


def test_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their number, their bytes and all bytes are bounded; old versions make room."""
    kept = Dictionaries(tmp_path)
    monkeypatch.setattr(module, "DICTIONARY_BYTES", 2000)
    long = [Pronunciation(f"w{number}", "x" * 90) for number in range(10)]
    kept.create("a", long)
    changed = kept.change("a", added(Pronunciation("y", "z")))
    assert len(changed.versions) == 1
    with pytest.raises(TooLarge, match="at most 2000 are allowed"):
        kept.change("a", added(*(Pronunciation(f"v{number}", "x" * 90) for number in range(10))))
    monkeypatch.setattr(module, "DICTIONARIES_BYTES", 2500)
    with pytest.raises(TooLarge, match="all dictionaries together may have 2500 bytes"):
        kept.create("b", long)
    monkeypatch.setattr(module, "DICTIONARIES", 1)
    with pytest.raises(TooLarge, match="there are 1 dictionaries already"):
        kept.create("b", [NGINX])


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"versions": []}', '{"versions": [{"id": "a"}]}', "\xff"]
)
def test_a_file_that_was_spoilt(tmp_path: Path, content: str, log_records: LogRecords) -> None:
    """It is an error to use it, and the log names it; the others are still there."""
    kept = Dictionaries(tmp_path)
    made, spoilt = kept.create("a", [NGINX]), kept.create("b", [GIF])
    (tmp_path / f"{spoilt.id}.json").write_bytes(content.encode("latin-1"))
    assert Dictionaries(tmp_path).all() == [made]
    said = f"the dictionary {spoilt.id} cannot be read"
    assert any(said in each.getMessage() for each in log_records.kept)
    with pytest.raises(StorageFailed):
        Dictionaries(tmp_path).find(spoilt.id)


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    """It is an error that says so."""
    (tmp_path / "file").touch()
    with pytest.raises(StorageFailed, match="the dictionary cannot be saved"):
        Dictionaries(tmp_path / "file").create("a", [NGINX])


def test_what_is_in_the_file(tmp_path: Path) -> None:
    """It is JSON that people can read."""
    made = Dictionaries(tmp_path).create("Zoë", [GIF])
    document = json.loads((tmp_path / f"{made.id}.json").read_text("utf-8"))
    assert document["name"] == "Zoë"
    assert document["versions"][0]["pronunciations"] == [["GIF", "jif", "en", True, False]]
