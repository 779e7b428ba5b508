"""The places where the server reads what anybody may send it, each with inputs of its kind."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.api.elevenlabs.live import _message_in
from app.api.fish.controls import FishSpeech
from app.api.fish.live import _event_in
from app.api.fish.msgpack_body import _from_msgpack
from app.errors import InvalidRequest
from app.lexicon import Lexicon, replacements
from app.speaking.plan import ScriptReader, ScriptRules
from app.speech import Prosody
from app.text.feed import ScriptFeed
from app.text.markup import parse_script
from app.text.normalise import normalise
from app.text.script import clean_script
from app.voices.durations import reference_seconds
from app.wyoming.events import read_event
from tests.fakes import LETTERS
from tests.fuzz import corpus
from tests.fuzz.asgi import Answer, ask, talk
from tests.fuzz.dictionaries import lexicons_in, made_file, made_table, read_dictionary
from tests.fuzz.mutation import MAX_LENGTH, mutated

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "pt", "xx")
EVENT_BYTES = 100_000
VOICES = {"alba": "alba", "bruno": "Bruno"}


def length(made: Any) -> int:
    """The characters or bytes of an input and all its parts."""
    if isinstance(made, (str, bytes)):
        return len(made)
    return sum(map(length, made)) if isinstance(made, (tuple, list)) else 0


@dataclass(frozen=True)
class Surface:
    """A place that reads inputs.

    Attributes:
        make: makes an input.
        read: has it read; raises nothing but an `InvalidRequest`.
        base_seconds: the shortest input may take so much CPU,
        unit_seconds: and each of its characters or bytes so much more.
        clock: counts the CPU of the thread, or of the process where others work for it.
        size: counts characters or bytes.
    """

    name: str
    make: Callable[[random.Random], Any]
    read: Callable[[Any], object]
    base_seconds: float
    unit_seconds: float
    clock: Callable[[], float] = time.thread_time
    size: Callable[[Any], int] = length

    def bound_seconds(self, made: Any) -> float:
        """How much CPU an input may take; linear in its length."""
        return self.base_seconds + self.unit_seconds * self.size(made)

    def taken_seconds(self, made: Any) -> float:
        """How much CPU it takes to read an input, or to refuse it."""
        began = self.clock()
        try:
            self.read(made)
        except InvalidRequest as refused:
            str(refused).encode()  # the answer has to be told
        return self.clock() - began


def surfaces(app: FastAPI, loop: asyncio.AbstractEventLoop, folder: Path) -> tuple[Surface, ...]:
    """Make every surface.

    Args:
        app: runs on `loop`, which is not running between two inputs.
        folder: is empty.
    """
    process = time.process_time
    wait = loop.run_until_complete
    text, quick = (0.05, 2e-4), (0.02, 2e-5)
    asked = (0.15, 1e-4)
    return (
        Surface("script", _script, _read_script, *text),
        Surface("script in pieces", _pieces, _read_pieces, *text),
        Surface("normaliser", _script, _normalise, *text),
        Surface("SSML", _ssml, _read_ssml, *text),
        Surface("dictionary's file", made_file, read_dictionary, *text),
        Surface("script with a dictionary", _respelt, _read_respelt, *text, size=_grown_length),
        Surface("WAV header", _wav, partial(_read_wav, folder / "a.wav"), *quick),
        Surface("MessagePack", _packed, partial(_from_msgpack, FishSpeech), *quick),
        Surface("ElevenLabs' frame", _message, _message_in, *quick),
        Surface("Fish's frame", _event, _event_in, *quick),
        Surface("Wyoming's event", _wyoming, lambda made: wait(_read_events(made)), *quick),
        Surface("form", _form, lambda made: wait(_ask(app, made)), *asked, process),
        Surface("body", _body, lambda made: wait(_ask(app, made)), *asked, process),
        Surface(
            "ElevenLabs' socket",
            lambda chance: _frames(chance, _message, 6),
            lambda made: wait(_talk(app, "/v1/text-to-speech/alba/stream-input", made)),
            *asked,
            process,
        ),
        Surface(
            "Fish's socket",
            lambda chance: [chance.choice(corpus.EVENTS[:2]), *_frames(chance, _event, 5)],
            lambda made: wait(_talk(app, "/v1/tts/live", made)),
            *asked,
            process,
        ),
    )


def _script(chance: random.Random) -> tuple[str, str]:
    made = mutated(chance, corpus.SCRIPTS, corpus.TEXT_TOKENS, most=MAX_LENGTH)
    return chance.choice(LANGUAGES[:1] * 5 + LANGUAGES), made


def _read_script(made: tuple[str, str]) -> None:
    language, text = made
    _read(text, language)


def _respelt(chance: random.Random) -> tuple[str, str, str]:
    return (*_script(chance), made_table(chance))


def _read_respelt(made: tuple[str, str, str]) -> None:
    language, text, table = made
    _read(text, language, lexicons_in(table))


def _grown_length(made: tuple[str, str, str]) -> int:
    """The characters of the input, and of what its words become."""
    language, text, table = made
    try:
        found = [*chain(*replacements(text, lexicons_in(table), language))]
    except InvalidRequest:
        found = []
    return length(made) + min(MAX_LENGTH, sum(len(spoken) for _, _, spoken in found))


def _read(text: str, language: str, lexicons: tuple[Lexicon, ...] = ()) -> None:
    rules = ScriptRules(
        voice_called=VOICES.get,
        language=language,
        letters=lambda: LETTERS,
        languages=LANGUAGES,
        normalise=True,
        prosody=Prosody(),
        pause_scale=1.0,
        max_chars=300,
        max_tokens=50,
        token_counter=lambda _: lambda piece: len(piece.split()),
        max_script_chars=MAX_LENGTH,
        max_speech_seconds=1e9,
        lexicons=lexicons,
    )
    for batch in ScriptReader(text, rules).steps():
        for piece in batch.pieces if batch else ():
            assert piece.words or not any(map(str.isalnum, piece.text))


def _pieces(chance: random.Random) -> list[str]:
    _, text = _script(chance)
    cuts = sorted(chance.randrange(len(text) + 1) for _ in range(chance.randrange(1, 30)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


def _read_pieces(made: Sequence[str]) -> None:
    feed = ScriptFeed(max_chars=MAX_LENGTH)
    taken = []
    for piece in made:
        feed.add(piece)
        taken.append(feed.take())
    feed.finish()
    taken.append(feed.take())
    assert "".join(taken) == "".join(made)


def _normalise(made: tuple[str, str]) -> None:
    language, text = made
    normalise(clean_script(text, max_chars=MAX_LENGTH), language=language)


def _ssml(chance: random.Random) -> tuple[str, str]:
    made = mutated(chance, corpus.SSML, corpus.SSML_TOKENS + corpus.TEXT_TOKENS)
    return chance.choice(LANGUAGES), made


def _read_ssml(made: tuple[str, str]) -> None:
    language, text = made
    script = clean_script(text, max_chars=MAX_LENGTH)
    parse_script(script, voice_called=VOICES.get, language=language)


def _wav(chance: random.Random) -> bytes:
    return mutated(chance, corpus.WAVS, corpus.WAV_TOKENS)


def _read_wav(path: Path, made: bytes) -> None:
    path.write_bytes(made)
    seconds = reference_seconds(path, at_most=15.0)
    assert seconds is None or 0 <= seconds <= 15


def _packed(chance: random.Random) -> bytes:
    return mutated(chance, corpus.PACKED, corpus.PACKED_TOKENS)


def _event(chance: random.Random) -> bytes:
    return mutated(chance, corpus.EVENTS, corpus.PACKED_TOKENS)


def _message(chance: random.Random) -> str:
    made: str = mutated(chance, corpus.MESSAGES, corpus.JSON_TOKENS)
    return made.encode("utf-8", "replace").decode()  # a text frame is UTF-8


def _wyoming(chance: random.Random) -> bytes:
    return mutated(chance, corpus.WYOMING, corpus.WYOMING_TOKENS)


async def _read_events(made: bytes) -> None:
    reader = asyncio.StreamReader(limit=EVENT_BYTES)
    reader.feed_data(made)
    reader.feed_eof()
    while await read_event(reader, max_bytes=EVENT_BYTES) is not None:
        pass


def _form(chance: random.Random) -> tuple[str, bytes, str]:
    charset = chance.choice(corpus.CONTENT_TYPES * 4 + _CHARSETS)
    if chance.random() < 0.4:
        body = mutated(chance, corpus.URLENCODED, corpus.URLENCODED_TOKENS)
        kind = "application/x-www-form-urlencoded"
        return chance.choice(("/delete_speaker", "/tts/clone", "/voices")), body, kind + charset
    body = mutated(chance, corpus.MULTIPARTS, corpus.MULTIPART_TOKENS)
    kind = f"multipart/form-data; boundary={corpus.BOUNDARY.decode()}"
    path = chance.choice(
        (
            *("/tts/clone", "/voices", "/voices/import", "/v1/tts", "/add_speaker"),
            *("/pronunciations/import", "/v1/pronunciation-dictionaries/add-from-file"),
        )
    )
    return path, body, kind + charset


def _body(chance: random.Random) -> tuple[str, bytes, str]:
    charset = chance.choice(corpus.CONTENT_TYPES * 4 + _CHARSETS)
    if chance.random() < 0.3:
        kind = chance.choice(("application/msgpack", "application/x-msgpack"))
        return chance.choice(("/v1/tts", "/v1/references/add")), _packed(chance), kind
    made = mutated(chance, _JSON_BODIES, corpus.JSON_TOKENS).encode("utf-8", "surrogatepass")
    path = chance.choice(
        (
            *("/tts", "/v1/audio/speech", "/v1/text-to-speech/alba", "/multi_speak"),
            "/v1/pronunciation-dictionaries/add-from-rules",
        )
    )
    return path, made, "application/json" + charset


_CHARSETS = tuple(f"; charset={each}" for each in corpus.CHARSETS)
_JSON_BODIES = (
    '{"script": "Hello there.", "voice": "alba", "format": "wav", "speed": 1.1}',
    '{"input": "Hello there.", "voice": "alba", "response_format": "mp3", "speed": 1}',
    '{"text": "Hello there.", "voice_settings": {"speed": 1.1}, "seed": 1}',
    '{"script": "Hello there.", "pronunciations": {"Hello": "Hi", "there": {"spoken": "you"}}}',
    '{"name": "x", "rules": [{"string_to_replace": "a", "type": "alias", "alias": "b"}]}',
    '{"text": "<role:alba>Hi.", "response_format": "wav", "stream": false, "seed": 7}',
)


async def _ask(app: FastAPI, made: tuple[str, bytes, str]) -> None:
    path, body, kind = made
    _assert_foreseen(await ask(app, path, body, kind))


def _frames(
    chance: random.Random, frame: Callable[[random.Random], str | bytes], most: int
) -> list[str | bytes]:
    return [frame(chance) for _ in range(chance.randrange(1, most))]


async def _talk(app: FastAPI, path: str, made: Sequence[str | bytes]) -> None:
    _assert_foreseen(await talk(app, path, made))


def _assert_foreseen(answer: Answer) -> None:
    assert answer.status not in (500, 1011), answer.sent[:500]
    if answer.status < 600:
        assert answer.status < 500, answer.sent[:500]
