"""Options that several commands have, and what each number may be."""

from __future__ import annotations

from typing import Annotated, Any, get_args

import typer

from app.audio.formats import FORMATS
from app.errors import InvalidRequest
from app.ranges import PitchSemitones, Seed, Speed, Temperature, VolumeDb
from app.voices.details import check_language

SOUND = "How it sounds"
OUTPUT = "Where it goes"
WORK = "Who does the work"


def _range(number: object) -> dict[str, Any]:
    """The bounds of a number of `app.ranges`, as Typer takes them."""
    _, info = get_args(number)
    bounds: dict[str, Any] = {}
    for each in info.metadata:
        bounds |= {"min": each.ge} if hasattr(each, "ge") else {}
        bounds |= {"max": each.le} if hasattr(each, "le") else {}
    return bounds


def _seed(value: str) -> int:
    # Its upper bound says nothing to people, so it is not shown as a range.
    at_least, below = (each for each in get_args(Seed)[1].metadata)
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


Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Let a running server do it. Its key comes from API_KEY in the environment or in "
        ".env, never from an option.",
        rich_help_panel=WORK,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="No status and no progress bar.", rich_help_panel=WORK),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        "-f",
        metavar="NAME",
        help=f"{', '.join(FORMATS)}. Without it the extension of -o says; else mp3.",
        rich_help_panel=OUTPUT,
    ),
]
Play = Annotated[
    bool,
    typer.Option(
        "--play", "-p", help="Play it, through ffplay, afplay or aplay.", rich_help_panel=OUTPUT
    ),
]
Stream = Annotated[
    bool,
    typer.Option(
        "--stream", "-s", help="Write or play audio while it is made.", rich_help_panel=OUTPUT
    ),
]
Voice = Annotated[
    str | None,
    typer.Option(
        "--voice",
        "-v",
        metavar="NAME|FILE",
        help="A voice of the list, or a recording (wav, mp3, m4a, ogg, flac …) of whom to sound "
        "like. Clone a voice only with its owner's consent.",
        rich_help_panel=SOUND,
    ),
]
SpeedOption = Annotated[
    float | None,
    typer.Option(help="Pace; 2 is twice as fast.", rich_help_panel=SOUND, **_range(Speed)),
]
PitchOption = Annotated[
    float | None,
    typer.Option(help="Semitones up or down.", rich_help_panel=SOUND, **_range(PitchSemitones)),
]
VolumeOption = Annotated[
    float | None, typer.Option(help="Gain in dB.", rich_help_panel=SOUND, **_range(VolumeDb))
]
SeedOption = Annotated[
    int | None,
    typer.Option(
        metavar="NUMBER",
        parser=_seed,
        help="The same seed speaks the same way again.",
        rich_help_panel=SOUND,
    ),
]
TemperatureOption = Annotated[
    float | None,
    typer.Option(help="0 is always the same.", rich_help_panel=SOUND, **_range(Temperature)),
]
Language = Annotated[
    str | None,
    typer.Option(
        metavar="CODE",
        parser=_language,
        help="Language of the text: en, fr, de, pt, it, es or nl. The model must speak it.",
        rich_help_panel=SOUND,
    ),
]
SampleRate = Annotated[
    int | None,
    typer.Option(metavar="HZ", help="Such as 16000; the format decides.", rich_help_panel=SOUND),
]
Bitrate = Annotated[
    int | None,
    typer.Option(metavar="KBPS", help="Such as 64; the format decides.", rich_help_panel=SOUND),
]
NormalizeLoudness = Annotated[
    bool,
    typer.Option(
        "--normalize-loudness",
        help="Bring it to -16 LUFS, as podcasts have it.",
        rich_help_panel=SOUND,
    ),
]
