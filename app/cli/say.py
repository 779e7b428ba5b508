"""Runs the command `say`: speaks texts into files, into a pipe, or aloud."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import typer

from app.audio.formats import AudioFormat
from app.captions.files import caption_formats
from app.cli.backend import Backend, Recording, TextToSpeak
from app.cli.exits import Refused
from app.cli.outputs import check_takes_bytes
from app.cli.player import Player, find_player
from app.cli.progress import ProgressLine
from app.cli.speaking import Take, speak_all
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
from app.lexicon import Pronunciation
from app.pronunciations.lines import read_pronunciation
from app.speech import SPEECH_RATE_HZ
from app.voices.listing import STATE_SUFFIX, VOICE_SUFFIXES


@dataclass(frozen=True, slots=True)
class SayArguments:
    """These are the arguments and options of `say`."""

    texts: Sequence[str]
    reading: Reading
    output: str | None
    format: str | None
    play: bool
    stream: bool
    voice: str | None
    controls: Mapping[str, Any]
    captions: str | None = None


def pronunciations_in(options: Sequence[str]) -> Mapping[str, Any]:
    """Read the values of `--pronounce`, as the native API has them.

    Raises:
        Refused: one is none, or two are for the same word.
    """
    found: dict[str, Any] = {}
    for option in options:
        try:
            written, *how = read_pronunciation(option)
        except ValueError as wrong:
            raise Refused(f"--pronounce: {wrong}") from None
        if written in found:
            raise Refused(f"--pronounce: {written!r} is there twice")
        found[written] = dict(zip(Pronunciation._fields[1:], how, strict=True))
    return found


def say(arguments: SayArguments, *, server: str | None, quiet: bool) -> None:
    """Speak texts; what can be checked is checked before a model is loaded.

    Raises:
        Refused: an option is wrong, or a text cannot be spoken.
    """
    audio, player = _how(arguments)
    captions = _captions(arguments)
    texts = read_texts(arguments.texts, arguments.reading)
    if not quiet:
        _tell_guessed(texts)
    voice = chosen_voice(arguments.voice)
    with ExitStack() as stack:
        paths = _paths(arguments, texts, audio, stack)
        shown = arguments.output is not None or not arguments.play
        takes = [
            Take(
                replace(_text_to_speak(arguments, text, voice, audio), captions=captions),
                text.origin,
                path,
                shown,
            )
            for text, path in zip(texts, paths, strict=True)
        ]

        async def work(backend: Backend, progress: ProgressLine) -> None:
            await speak_all(backend, takes, progress, player)

        run_work(work, server=server, quiet=quiet)


def _captions(arguments: SayArguments) -> tuple[str, ...]:
    """Read the formats that `--captions` names.

    Raises:
        Refused: there is no such format, or no file beside which the captions could lie.
    """
    if arguments.captions is None:
        return ()
    try:
        wanted = caption_formats(arguments.captions)
    except ValueError as wrong:
        raise Refused(f"--captions {wrong}") from None
    if arguments.stream:
        raise Refused("--captions and --stream cannot be used together")
    if arguments.output == STANDARD_OUTPUT or (arguments.play and arguments.output is None):
        raise Refused("--captions are files beside the audio, so they need a file: -o FILE")
    return wanted


def _tell_guessed(texts: Sequence[Text]) -> None:
    guessed = next((text for text in texts if text.guessed_encoding), None)
    if guessed is not None:
        typer.echo(
            f"note: {guessed.origin} is not UTF-8 and is read as Windows-1252; --encoding NAME "
            "says what it is",
            err=True,
        )


def _how(arguments: SayArguments) -> tuple[AudioFormat, Player | None]:
    if arguments.output == STANDARD_OUTPUT:
        if arguments.play:
            raise Refused("-o - and --play cannot be used together")
        check_takes_bytes()
    heard_only = arguments.play and arguments.output is None
    audio = chosen_format(
        arguments.format,
        arguments.output,
        sample_rate_hz=arguments.controls.get("sample_rate"),
        bitrate_kbps=arguments.controls.get("bitrate"),
        speech_rate_hz=SPEECH_RATE_HZ,
        # Every player plays wav, and it needs no encoder.
        default="wav" if heard_only else DEFAULT_FORMAT,
    )
    if not arguments.play:
        return audio, None
    return audio, find_player(audio.name, live=heard_only and arguments.stream)


def _text_to_speak(
    arguments: SayArguments, text: Text, voice: str | Recording | None, audio: AudioFormat
) -> TextToSpeak:
    return TextToSpeak(text.script, voice, audio.name, arguments.controls, arguments.stream)


def _paths(
    arguments: SayArguments, texts: Sequence[Text], audio: AudioFormat, stack: ExitStack
) -> Sequence[Path | None]:
    """Return the file for each text; None for the standard output or for a player alone."""
    if arguments.output == STANDARD_OUTPUT:
        if len(texts) > 1:
            raise Refused(f"-o - takes one text; there are {len(texts)}")
        return [None]
    if arguments.play and arguments.output is None:
        if arguments.stream:
            return [None] * len(texts)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        return [folder / f"{number}{audio.extension}" for number in range(len(texts))]
    names = [text.name for text in texts]
    if arguments.reading.names:
        check_takes_names(arguments.output)
        names = [name_without_extension(text.name, audio, text.origin) for text in texts]
    return named_files(arguments.output, names, audio.extension)


def chosen_voice(voice: str | None) -> str | Recording | None:
    """Read the recording that `--voice` names; a plain name is a voice and stays as it is.

    A value with a folder in it, or with the suffix of an audio file, names a recording.

    Raises:
        Refused: the recording cannot be read, or the name cannot be that of a voice.
    """
    if voice is None:
        return None
    if not voice.strip():
        raise Refused("--voice must not be empty; leave it out for the default")
    if "/" not in voice and "\\" not in voice and not voice.lower().endswith(VOICE_SUFFIXES):
        if not voice.isprintable():
            raise Refused(f"--voice {voice!r} cannot be the name of a voice")
        return voice
    if voice.lower().endswith(STATE_SUFFIX):
        raise Refused("--voice takes recordings; make a voice of it first: voices add NAME FILE")
    return Recording.read(Path(voice), "--voice")
