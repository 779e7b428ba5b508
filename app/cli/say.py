"""`say`: texts in, audio out."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from app.audio.formats import AudioFormat
from app.cli.backend import Backend, Order, Recording
from app.cli.exits import Refused
from app.cli.outputs import check_takes_bytes
from app.cli.player import Player, find_player
from app.cli.progress import ProgressLine
from app.cli.speaking import Job, speak_all
from app.cli.targets import (
    DEFAULT_FORMAT,
    STANDARD_OUTPUT,
    check_takes_names,
    chosen_format,
    name_without_extension,
    named_files,
)
from app.cli.texts import Reading, Text, read_texts
from app.cli.work import run_work
from app.speech import SPEECH_RATE_HZ
from app.voices.listing import VOICE_SUFFIXES


@dataclass(frozen=True, slots=True)
class Request:
    """What the command line said."""

    texts: Sequence[str]
    reading: Reading
    output: str | None
    format: str | None
    play: bool
    stream: bool
    voice: str | None
    controls: Mapping[str, Any]


def say(request: Request, *, server: str | None, quiet: bool) -> None:
    """Everything that can be found wrong is found before a model is loaded.

    Raises:
        Refused.
    """
    audio, player = _how(request)
    texts = read_texts(request.texts, request.reading)
    if not quiet:
        _tell_guessed(texts)
    voice = chosen_voice(request.voice)
    with ExitStack() as stack:
        paths = _paths(request, texts, audio, stack)
        shown = request.output is not None or not request.play
        jobs = [
            Job(_order(request, text, voice, audio), text.origin, path, shown)
            for text, path in zip(texts, paths, strict=True)
        ]

        async def work(backend: Backend, progress: ProgressLine) -> None:
            await speak_all(backend, jobs, progress, player)

        run_work(work, server=server, quiet=quiet)


def _tell_guessed(texts: Sequence[Text]) -> None:
    guessed = next((text for text in texts if text.guessed_encoding), None)
    if guessed is not None:
        typer.echo(
            f"note: {guessed.origin} is not UTF-8 and is read as Windows-1252; --encoding NAME "
            "says what it is",
            err=True,
        )


def _how(request: Request) -> tuple[AudioFormat, Player | None]:
    if request.output == STANDARD_OUTPUT:
        if request.play:
            raise Refused("-o - and --play cannot be used together")
        check_takes_bytes()
    heard_only = request.play and request.output is None
    audio = chosen_format(
        request.format,
        request.output,
        sample_rate_hz=request.controls.get("sample_rate"),
        bitrate_kbps=request.controls.get("bitrate"),
        speech_rate_hz=SPEECH_RATE_HZ,
        # Every player has it, and nobody waits for an encoder.
        default="wav" if heard_only else DEFAULT_FORMAT,
    )
    if not request.play:
        return audio, None
    return audio, find_player(audio.name, live=heard_only and request.stream)


def _order(
    request: Request, text: Text, voice: str | Recording | None, audio: AudioFormat
) -> Order:
    return Order(text.script, voice, audio.name, request.controls, request.stream)


def _paths(
    request: Request, texts: Sequence[Text], audio: AudioFormat, stack: ExitStack
) -> Sequence[Path | None]:
    """Where each text goes; None for what is not kept."""
    if request.output == STANDARD_OUTPUT:
        if len(texts) > 1:
            raise Refused(f"-o - takes one text; there are {len(texts)}")
        return [None]
    if request.play and request.output is None:
        if request.stream:
            return [None] * len(texts)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return [folder / f"{number}{audio.extension}" for number in range(len(texts))]
    names = [text.name for text in texts]
    if request.reading.names:
        check_takes_names(request.output)
        names = [name_without_extension(text.name, audio, text.origin) for text in texts]
    return named_files(request.output, names, audio.extension)


def chosen_voice(voice: str | None) -> str | Recording | None:
    """A name, or a recording: what has a folder in it, or ends like audio.

    Raises:
        Refused: the recording cannot be read.
    """
    if voice is None:
        return None
    if not voice.strip():
        raise Refused("--voice must not be empty; leave it out for the default")
    if "/" not in voice and "\\" not in voice and not voice.lower().endswith(VOICE_SUFFIXES):
        if not voice.isprintable():
            raise Refused(f"--voice {voice!r} cannot be the name of a voice")
        return voice
    if voice.lower().endswith(".safetensors"):
        raise Refused("--voice takes recordings; make a voice of it first: voices add NAME FILE")
    return Recording.read(Path(voice), "--voice")
