"""The operator's pronunciations lie in a file, which people and the server change side by side."""

from __future__ import annotations

import errno
import os
from functools import partial
from pathlib import Path

import pytest

from app.assembly.parts import make_services
from app.bounds import DICTIONARY_BYTES
from app.errors import Conflict, DictionaryNotFound, StorageFailed, TooLarge
from app.lexicon import Pronunciation
from app.pronunciations.changes import with_added, without
from app.pronunciations.own import OwnPronunciations, PronunciationsFileError
from app.settings import SettingsError
from tests.fakes import FakeEngine
from tests.serving import LogRecords, make_settings

NGINX = Pronunciation("Nginx", "engine X")


def written(own: OwnPronunciations) -> list[str]:
    return [each.written for each in own.pronunciations]


def messages(log_records: LogRecords) -> list[str]:
    return [each.getMessage() for each in log_records.kept]


def edit(path: Path, text: str) -> None:
    """As an editor does it; a file that is as long as before has another time."""
    path.write_text(text, "utf-8")
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000))


def test_read_again(tmp_path: Path, log_records: LogRecords) -> None:
    """A change has effect; a wrong one changes nothing, and its lines are in the log."""
    path = tmp_path / "own.txt"
    own = OwnPronunciations(path)
    assert not own.lexicon
    edit(path, "\ufeffNginx = engine X\n")
    own.refresh()
    assert written(own) == ["Nginx"]
    edit(path, "Nginx = engine X\nGIF\n[xx] a = b\n")
    own.refresh()
    assert written(own) == ["Nginx"]
    (said,) = [each for each in messages(log_records) if "as they were" in each]
    assert f"PRONUNCIATIONS_FILE: {path}, line 2: 'GIF' is not of the form" in said
    assert "line 3: 'xx' cannot stand" in said
    own.refresh()
    assert len([each for each in messages(log_records) if "as they were" in each]) == 1
    edit(path, "GIF = jif\n")
    own.refresh()
    assert written(own) == ["GIF"]
    path.unlink()
    own.refresh()
    assert not own.lexicon


def test_a_wrong_file_stops_the_start(tmp_path: Path) -> None:
    """The line that stops it names the setting, the file and each wrong line."""
    settings = make_settings(tmp_path)
    settings.pronunciations_file.write_text("a = b\nc d\n")
    with pytest.raises(
        SettingsError, match=r"^PRONUNCIATIONS_FILE: .*pronunciations\.txt, line 2: 'c d' is not of"
    ):
        make_services(settings, FakeEngine)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a = b\n\xff = c\n", "line 2: it is not UTF-8"),
        (b"#" * (DICTIONARY_BYTES + 1), "has more than the 2000000 bytes allowed"),
    ],
)
def test_no_text(tmp_path: Path, data: bytes, reason: str) -> None:
    """A file that is no text, or is far too large, is refused."""
    path = tmp_path / "own.txt"
    path.write_bytes(data)
    with pytest.raises(PronunciationsFileError, match=reason):
        OwnPronunciations(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(PronunciationsFileError, match="cannot be read"):
        OwnPronunciations(path)


def test_changes_leave_comments(tmp_path: Path) -> None:
    """What people wrote stays as they wrote it; a word that is there is replaced in its place."""
    path = tmp_path / "models" / "own.txt"
    own = OwnPronunciations(path)
    own.change(partial(with_added, added=[NGINX], replace=False))
    assert path.read_text().startswith("# How words are spoken")
    edit(path, "# names\nnginx=x\n\n[de] Nginx = y\nGIF = jif\n")
    own.change(partial(with_added, added=[NGINX, Pronunciation("a", "b")], replace=True))
    assert path.read_text() == ("# names\nNginx = engine X\n\n[de] Nginx = y\nGIF = jif\na = b\n")
    own.change(partial(without, written=["NGINX"], language="de"))
    own.change(partial(without, written=["gif"]))
    assert path.read_text() == "# names\nNginx = engine X\n\na = b\n"
    assert written(own) == ["Nginx", "a"]
    assert written(OwnPronunciations(path)) == ["Nginx", "a"]


def test_changes_that_are_refused(tmp_path: Path) -> None:
    """A word is not replaced unasked, and a file that is wrong is not written over."""
    path = tmp_path / "own.txt"
    edit(path, "Nginx = x\n")
    own = OwnPronunciations(path)
    with pytest.raises(Conflict, match="there is a pronunciation of 'Nginx' already"):
        own.change(partial(with_added, added=[NGINX], replace=False))
    with pytest.raises(DictionaryNotFound, match="no pronunciation of 'GIF' for the language fr"):
        own.change(partial(without, written=["GIF"], language="fr"))
    many = [Pronunciation(f"w{number}", "x") for number in range(10_000)]
    with pytest.raises(TooLarge, match="there would be 10001 pronunciations"):
        own.change(partial(with_added, added=many, replace=True))
    edit(path, "Nginx\n")
    with pytest.raises(Conflict, match=r"before their file is right: .* line 1"):
        own.change(partial(with_added, added=[NGINX], replace=True))
    assert path.read_text() == "Nginx\n"


def test_a_disk_that_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says so, and what was known stays."""

    def full(_path: Path, _data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("app.pronunciations.own.write_whole", full)
    own = OwnPronunciations(tmp_path / "own.txt")
    with pytest.raises(StorageFailed, match="cannot be saved"):
        own.change(partial(with_added, added=[NGINX], replace=True))
    assert not own.lexicon
