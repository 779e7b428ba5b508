"""Defines the options that several commands have, and the range of each number."""

from __future__ import annotations

import codecs
from typing import Annotated, Any, get_args

import typer

from app import ranges
from app.audio.formats import FORMATS
from app.errors import InvalidRequest
from app.voices.details import check_language


def output_option(*names: str, **how: Any) -> Any:
    """Make an option about where the audio goes, a group of its own in `--help`."""
    return typer.Option(*names, rich_help_panel="Where it goes", **how)


def _sound_option(*names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel="How it sounds", **how)


def _work_option(*names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel="Who does the work", **how)


def _range(number: object) -> dict[str, Any]:
    """Return the bounds of a type of `app.ranges`, as Typer takes them."""
    _, info = get_args(number)
    bounds: dict[str, Any] = {}
    for each in info.metadata:
        bounds |= {"min": each.ge} if hasattr(each, "ge") else {}
        bounds |= {"max": each.le} if hasattr(each, "le") else {}
    return bounds


def _seed(value: str) -> int | None:
    if value == "-1":
        return None
    # A range in the help would show the upper bound, which is a number of 19 digits.
    at_least, below = (each for each in get_args(ranges.SeedNumber)[1].metadata)
    if not value.isdecimal() or not at_least.ge <= int(value) < below.lt:
        raise typer.BadParameter(
            f"{value!r} is not a whole number from {at_least.ge} to {below.lt - 1}"
        )
    return int(value)


def _language(value: str) -> str | None:
    try:
        return check_language(value)
    except InvalidRequest as error:
        raise typer.BadParameter(error.message) from None


def _encoding(value: str) -> str:
    try:
        # What is no encoding of text, such as base64, is refused as well.
        "".encode(value)
    except LookupError:
        raise typer.BadParameter(
            f"{value!r} is no encoding; such are utf-8, utf-16, cp1252, cp850"
        ) from None
    return codecs.lookup(value).name


def file_name(value: str) -> str:
    """Check the value of `-o`: an empty one, as of an unset variable, would mean this folder."""
    if not value:
        raise typer.BadParameter("it is empty")
    return value


TextsArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="TEXT|FILE|-",
        help="Words to speak; a file (one that ends in .txt, .md, .ssml or .tsv, or any as @FILE); "
        "or - for the standard input. Several are spoken side by side.",
        show_default=False,
    ),
]
LinesOption = Annotated[bool, output_option("--lines", "-l", help="Each line is a text.")]
NamesOption = Annotated[
    bool,
    output_option(
        "--names",
        help="With --lines: each line is a file name, a tab, and the text, as in a .tsv file.",
    ),
]
EncodingOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        parser=_encoding,
        help="Of text files and the standard input, such as cp850. Without it UTF-8, UTF-16 and "
        "Windows-1252 are told apart.",
    ),
]
OutputOption = Annotated[
    str | None,
    output_option(
        "--output",
        "-o",
        metavar="FILE|FOLDER/|-",
        parser=file_name,
        help="File to write, replacing what is there; a folder; or - for the standard output. "
        "Several texts become NAME_1, NAME_2 …, or what {n}, {n:3} and {name} in FILE make of "
        "it. Without -o and --play: speech.mp3, unless that exists.",
    ),
]
FormatOption = Annotated[
    str | None,
    output_option(
        "--format",
        "-f",
        metavar="NAME",
        help=f"{', '.join(FORMATS)}. Without it the extension of -o says; else mp3.",
    ),
]
PlayOption = Annotated[
    bool, output_option("--play", "-p", help="Play it, through ffplay, afplay or aplay.")
]
StreamOption = Annotated[
    bool, output_option("--stream", "-s", help="Write or play audio while it is made.")
]
VoiceOption = Annotated[
    str | None,
    _sound_option(
        "--voice",
        "-v",
        metavar="NAME|FILE",
        help="A voice of the list, or a recording (wav, mp3, m4a, ogg, flac …) of whom to sound "
        "like. Clone a voice only with its owner's consent.",
    ),
]
SpeedOption = Annotated[
    float | None, _sound_option(help="Pace; 2 is twice as fast.", **_range(ranges.Speed))
]
PitchOption = Annotated[
    float | None, _sound_option(help="Semitones up or down.", **_range(ranges.PitchSemitones))
]
VolumeOption = Annotated[float | None, _sound_option(help="Gain in dB.", **_range(ranges.VolumeDb))]
PauseScaleOption = Annotated[
    float | None,
    _sound_option(
        help="Stretches the pauses between clauses, sentences and lines; 0 takes them out.",
        **_range(ranges.PauseScale),
    ),
]
SeedOption = Annotated[
    int | None,
    _sound_option(metavar="NUMBER", parser=_seed, help="The same seed speaks the same way again."),
]
TemperatureOption = Annotated[
    float | None, _sound_option(help="0 is always the same.", **_range(ranges.Temperature))
]
LanguageOption = Annotated[
    str | None,
    _sound_option(
        metavar="CODE",
        parser=_language,
        help="Language of the text: en, fr, de, pt, it, es or nl. The model must speak it.",
    ),
]
SampleRateOption = Annotated[
    int | None, _sound_option(metavar="HZ", help="Such as 16000; the format decides.")
]
BitrateOption = Annotated[
    int | None, _sound_option(metavar="KBPS", help="Such as 64; the format decides.")
]
CodeOption = Annotated[
    str | None,
    _sound_option("--code", metavar="HOW", help="Blocks of code: skip (default), name or read."),
]
FormulasOption = Annotated[
    str | None,
    _sound_option(
        "--formulas", metavar="HOW", help="Formulas in LaTeX: say (default), name or skip."
    ),
]
NoMarkupOption = Annotated[
    bool,
    _sound_option("--no-markup", help="Read tags aloud as text: pauses, names of speakers, SSML."),
]
PronounceOption = Annotated[
    list[str] | None,
    _sound_option(
        "--pronounce",
        metavar="WORD=HOW",
        help="How a word or phrase is to be written so that it is spoken right, such as "
        '"Nginx=engine X"; in front may stand \\[en] or \\[case]. Can be given several times.',
    ),
]
CaptionsOption = Annotated[
    str | None,
    _sound_option(
        metavar="FORMATS",
        help="Caption files beside the audio, comma-separated: srt, vtt, json, lrc.",
    ),
]
NormalizeLoudnessOption = Annotated[
    bool, _sound_option("--normalize-loudness", help="Bring it to -16 LUFS, as podcasts have it.")
]
ServerOption = Annotated[
    str | None,
    _work_option(
        "--server",
        metavar="URL",
        help="Let a running server do it. Its key comes from API_KEY in the environment or in "
        ".env, never from an option.",
    ),
]
QuietOption = Annotated[bool, _work_option("--quiet", "-q", help="No status and no progress bar.")]
