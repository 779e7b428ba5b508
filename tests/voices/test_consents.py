"""Consent recordings."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from app.errors import ConsentNotFound, StorageFailed
from app.stores.changes import OwnFolder
from app.voices.consents import Consent, ConsentStore
from tests.voices.conftest import KeptIn


def test_kept(tmp_path: Path, kept_in: KeptIn) -> None:
    """The recording stays as it came, and the next start finds the consent."""
    made = ConsentStore(kept_in(tmp_path / "c")).add(b"I agree", name="me", language="en-US")
    assert ConsentStore(kept_in(tmp_path / "c")).get(made.id) == made
    assert (tmp_path / "c" / f"{made.id}.audio").read_bytes() == b"I agree"


@pytest.mark.parametrize("asked", ["", "cons_1", "../x", "cons_" + "0" * 24, "cons_" + "g" * 24])
def test_unknown(tmp_path: Path, kept_in: KeptIn, asked: str) -> None:
    """Any other id, paths among them, is not found."""
    store = ConsentStore(kept_in(tmp_path))
    for action in (store.get, store.delete, lambda id_: store.rename(id_, "x")):
        with pytest.raises(ConsentNotFound):
            action(asked)


def test_crash_before_the_note(tmp_path: Path, kept_in: KeptIn) -> None:
    """A recording whose note was not written, or is torn, does not count."""
    store = ConsentStore(kept_in(tmp_path))
    made = store.add(b"I agree", name="me", language="en")
    (tmp_path / f"{made.id}.json").write_text('{"id": ')
    assert store.all() == []
    (tmp_path / f"{made.id}.json").unlink()
    assert store.all() == []


def test_disk_that_refuses(tmp_path: Path) -> None:
    """A folder that cannot be written is said to be so."""
    (tmp_path / "c").write_text("a file")
    with pytest.raises(StorageFailed, match="cannot be saved"):
        ConsentStore(OwnFolder(tmp_path / "c")).add(b"x", name="me", language="en")


def test_a_rename_beside_a_delete(
    tmp_path: Path, kept_in: KeptIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note that is looked at, to be changed, does not come back when it is deleted meanwhile."""
    store = ConsentStore(kept_in(tmp_path))
    made = store.add(b"I agree", name="me", language="en")
    looked, get = threading.Event(), store.get

    def slow(consent_id: str) -> Consent:
        found = get(consent_id)
        if not looked.is_set():
            looked.set()
            time.sleep(0.2)
        return found

    monkeypatch.setattr(store, "get", slow)

    def rename() -> None:
        with suppress(ConsentNotFound):  # of several servers the later one looks again
            store.rename(made.id, "you")

    renaming = threading.Thread(target=rename)
    renaming.start()
    assert looked.wait(5)
    store.delete(made.id)
    renaming.join()
    assert store.all() == []
