"""What was made is there, what was taken away is not, also after the server starts anew."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import time
import unicodedata
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from app.speech import Pcm
from app.work import NEVER_CANCELLED, CancelToken
from tests.audio.probe import voice_like
from tests.conftest import wav_bytes
from tests.fakes import FakeEngine, FakeVoice
from tests.serving import fake_in_process

BUILT_IN = ("alba", "marius")
AGE_HOURS = 2
RECORDINGS = (wav_bytes(voice_like(1.3)), wav_bytes(voice_like(1.6)[::-1]))
names = st.sampled_from(
    ["anna", "ANNA", "alba", "Alba", "tess", "tess.wav", "tess.json", "zoë", "zoe\u0308", "x" * 64]
)
BAD_NAMES = ("", ".", "..", "../x", "a/b", "a\\b", "con", "LPT1.a", "x" * 65, ".a", "a\0b", "🎤")
bad_names = st.sampled_from(BAD_NAMES)
descriptions = st.sampled_from([None, "", "Warm", "a, b"])
flags = st.booleans()


class RememberingEngine(FakeEngine):
    """Makes voice states that say what they were made of, also in the files they are written to."""

    def encode_voice(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> FakeVoice:
        return FakeVoice(hashlib.sha256(pcm.tobytes()).hexdigest())

    def predefined_voice(self, name: str) -> FakeVoice:
        return FakeVoice(f"built in {name}")

    def load_voice(self, path: Path) -> FakeVoice:
        data = path.read_bytes()
        (length,) = struct.unpack("<Q", data[:8])
        return FakeVoice(json.loads(data[8 : 8 + length])["__metadata__"]["made_of"])

    def save_voice(self, state: Any, path: Path) -> None:
        tensor = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
        header = json.dumps({"__metadata__": {"made_of": state.name}, "a/cache": tensor}).encode()
        path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))


@dataclass(frozen=True)
class Known:
    """What must be known of a voice that was made.

    Attributes:
        suffix: of its sound.
        sound: what it exports; None until it did.
    """

    name: str
    description: str | None
    suffix: str
    sound: bytes | None = None


class Stores(RuleBasedStateMachine):
    """Asks a server to keep things, and notes what it must have."""

    exported = Bundle("exported")
    audio = Bundle("audio")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.voices: dict[str, Known] = {}
        self.saved: dict[str, bytes] = {}
        self.old: set[str] = set()
        self.server = ExitStack()
        self.start()

    def start(self) -> None:
        served = fake_in_process(
            self.folder, RememberingEngine(frames_per_chunk=1), voice_max_age_hours=AGE_HOURS
        )
        self.client = self.server.enter_context(served).client

    def teardown(self) -> None:
        self.server.close()

    @rule()
    def restart(self) -> None:
        """End the server and begin with what lies in its folders; what is too old goes."""
        self.server.close()
        for name in self.old:
            del self.saved[name]
        self.old.clear()
        self.start()

    @rule(name=names, recording=st.sampled_from(RECORDINGS), words=descriptions, replacing=flags)
    def create(self, name: str, recording: bytes, words: str | None, replacing: bool) -> None:
        answer = self.make("/voices", name, "files", recording, words, replacing)
        self.note_made(answer, name, ".wav", words, replacing, sound=None)

    @rule(name=names, state=exported, words=descriptions, replacing=flags)
    def take_in(self, name: str, state: bytes, words: str | None, replacing: bool) -> None:
        answer = self.make("/voices/import", name, "file", state, words, replacing)
        self.note_made(answer, name, ".safetensors", words, replacing, sound=state)

    @rule(name=bad_names, recording=st.sampled_from(RECORDINGS))
    def create_under_a_bad_name(self, name: str, recording: bytes) -> None:
        assert self.make("/voices", name, "files", recording, None, True).status_code == 400

    @rule(name=names, replacing=flags, path=st.sampled_from(["/voices", "/voices/import"]))
    def send_what_is_no_voice(self, name: str, replacing: bool, path: str) -> None:
        field = "files" if path == "/voices" else "file"
        answer = self.make(path, name, field, b"RIFF no voice", "never kept", replacing)
        assert answer.status_code == (409 if self.is_taken(name) and not replacing else 400)

    @rule(name=names, words=descriptions)
    def describe(self, name: str, words: str | None) -> None:
        answer = self.client.patch(f"/voices/{name}", json={"description": words})
        if self.must_be_changed(answer, name):
            self.change(name, description=words or None)

    @rule(name=names, new_name=names | bad_names)
    def rename(self, name: str, new_name: str) -> None:
        answer = self.client.patch(f"/voices/{name}", json={"name": new_name})
        found = self.find(name)
        if found in self.voices and new_name in BAD_NAMES:
            assert answer.status_code == 400
        elif found in self.voices and folded(new_name) != found and self.is_taken(new_name):
            assert answer.status_code == 409
        elif self.must_be_changed(answer, name):
            assert found is not None
            known = self.voices.pop(found)
            self.voices[folded(new_name)] = replace(known, name=composed(new_name))

    @rule(name=names)
    def delete(self, name: str) -> None:
        answer = self.client.delete(f"/voices/{name}")
        if self.must_be_changed(answer, name):
            del self.voices[self.find(name) or ""]

    @rule(target=exported, name=names)
    def export(self, name: str) -> Any:
        answer = self.client.get(f"/voices/{name}/export")
        found = self.find(name)
        assert answer.status_code == (404 if found is None else 200)
        if found in self.voices:
            assert self.voices[found].sound in (None, answer.content)
            self.change(name, sound=answer.content)
        return multiple() if found is None else answer.content

    @rule(target=audio, name=names)
    def save(self, name: str) -> Any:
        asked = {"script": "Hello.", "voice": name, "type": "url", "format": "wav"}
        answer = self.client.post("/tts", json=asked)
        assert answer.status_code == (404 if self.find(name) is None else 200), answer.text
        if not answer.is_success:
            return multiple()
        filename = str(answer.json()["filename"])
        self.saved[filename] = self.client.get(f"/voice/{filename}").content
        return filename

    @rule(filename=audio)
    def fetch(self, filename: str) -> None:
        answer = self.client.get(f"/voice/{filename}")
        assert answer.status_code == (200 if filename in self.saved else 404)
        assert answer.content == self.saved.get(filename, answer.content)

    @rule(filename=consumes(audio))
    def remove(self, filename: str) -> None:
        answer = self.client.delete(f"/voice/{filename}")
        assert answer.status_code == (204 if filename in self.saved else 404)
        self.saved.pop(filename, None)
        self.old.discard(filename)

    @rule(filename=audio, hours=st.sampled_from([1, 3]))
    def let_time_pass(self, filename: str, hours: int) -> None:
        if filename in self.saved:
            then = time.time() - hours * 3600
            os.utime(self.folder / "saved" / filename, (then, then))
            self.old.discard(filename)
            if hours > AGE_HOURS:
                self.old.add(filename)

    @invariant()
    def everything_is_listed(self) -> None:
        """The list has the voices that are built in, and those that were made, as they were."""
        listed = {
            voice["name"]: voice["description"]
            for voice in self.client.get("/voices").json()["voices"]
        }
        made = {known.name: known.description for known in self.voices.values()}
        assert listed == dict.fromkeys(BUILT_IN) | made

    @invariant()
    def nothing_else_is_on_the_disk(self) -> None:
        """The folders have the files of what is there, and nothing half written."""
        kept = {each.name for each in (self.folder / "voices").glob("*") if each.is_file()}
        made = self.voices.values()
        assert kept == {
            f"{each.name}{suffix}" for each in made for suffix in (each.suffix, ".json")
        }
        assert {each.name for each in (self.folder / "saved").iterdir()} == set(self.saved)

    def make(
        self, path: str, name: str, field: str, data: bytes, words: str | None, replacing: bool
    ) -> httpx.Response:
        fields = {"name": name, "replace": str(replacing).lower()}
        if words is not None:
            fields["description"] = words
        return self.client.post(path, data=fields, files={field: ("sent", data)})

    def note_made(
        self,
        answer: httpx.Response,
        name: str,
        suffix: str,
        words: str | None,
        replacing: bool,
        *,
        sound: bytes | None,
    ) -> None:
        if self.is_taken(name) and not replacing:
            assert answer.status_code == 409
            return
        assert answer.status_code == 201, answer.text
        old = self.voices.get(folded(name))
        called = folded(name) if folded(name) in BUILT_IN else composed(name)
        kept = old.description if old else None
        self.voices[folded(name)] = Known(called, words or kept, suffix, sound)

    def must_be_changed(self, answer: httpx.Response, name: str) -> bool:
        """Check what is answered to a change, and tell whether there is to be one."""
        found = self.find(name)
        expected = 200 if found in self.voices else 409 if found else 404
        assert answer.status_code == expected, answer.text
        return expected == 200

    def change(self, name: str, **fields: Any) -> None:
        found = self.find(name)
        assert found is not None
        self.voices[found] = replace(self.voices[found], **fields)

    def is_taken(self, name: str) -> bool:
        return folded(name) in (*BUILT_IN, *self.voices)

    def find(self, name: str) -> str | None:
        """The folded name of the voice that is meant, which may be named like its file."""
        for meant in (name, name.removesuffix(".wav")):
            if self.is_taken(meant):
                return folded(meant)
        return None


def composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def folded(name: str) -> str:
    return composed(composed(name).casefold())


def run(*, examples: int, steps: int, at_random: bool) -> None:
    run_state_machine_as_test(
        Stores,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=not at_random,
            deadline=None,
            database=None,
        ),
    )


def test_stores() -> None:
    """A few lives of a server, the same in every run."""
    run(examples=4, steps=25, at_random=False)


@pytest.mark.soak
def test_many_lives() -> None:
    """Many long ones, others in each run."""
    run(examples=60, steps=60, at_random=True)
