"""Defines the command `narrate` and its options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from app.cli.options import (
    BitrateOption,
    CaptionsOption,
    CodeOption,
    FormulasOption,
    LanguageOption,
    PauseScaleOption,
    PitchOption,
    PronounceOption,
    QuietOption,
    SampleRateOption,
    SeedOption,
    ServerOption,
    SpeedOption,
    TemperatureOption,
    VolumeOption,
)


def _book_option(*names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel="What is read", **how)


def _made_option(*names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel="What is made", **how)


def _voice_option(*names: str, **how: Any) -> Any:
    return typer.Option(*names, rich_help_panel="How it sounds", **how)


def narrate(  # noqa: PLR0917 - Typer passes them by name
    book: Annotated[Path, typer.Argument(metavar="BOOK", help="Any document that can be read.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            help="File to write: .m4b, .mp3, .opus, .flac or .wav; or .zip with one for each "
            "chapter.",
        ),
    ],
    format: Annotated[  # noqa: A002
        str | None, _made_option("--format", "-f", metavar="NAME", help="Of the files in a .zip.")
    ] = None,
    captions: CaptionsOption = None,
    loudness: Annotated[
        str | None,
        _made_option(metavar="LUFS", help="Of the whole: -18 if nothing is said; off leaves it."),
    ] = None,
    chapter_pause: Annotated[
        float | None, _made_option(metavar="SECONDS", help="Silence between two chapters: 2.")
    ] = None,
    title: Annotated[
        str | None, _made_option(help="In the place of the title that the book has.")
    ] = None,
    author: Annotated[str | None, _made_option(help="Likewise.")] = None,
    footnotes: Annotated[
        bool, _book_option("--footnotes", help="Notes, each behind what refers to it.")
    ] = False,
    page_numbers: Annotated[
        bool, _book_option("--page-numbers", help="Numbers of printed pages.")
    ] = False,
    running_heads: Annotated[
        bool, _book_option("--running-heads", help="What stands on every page.")
    ] = False,
    tables: Annotated[bool, _book_option("--tables", help="Tables, row by row.")] = False,
    markup: Annotated[
        bool, _book_option("--markup", help="Take what looks like a tag for a tag.")
    ] = False,
    no_normalize: Annotated[
        bool, _book_option("--no-normalize", help="Leave numbers and abbreviations as they are.")
    ] = False,
    no_times: Annotated[
        bool, _book_option("--no-times", help="Read subtitles on, not at their times.")
    ] = False,
    code: CodeOption = None,
    formulas: FormulasOption = None,
    pronounce: PronounceOption = None,
    language: LanguageOption = None,
    voice: Annotated[
        str | None, _voice_option("--voice", "-v", metavar="NAME", help="Name of the voice.")
    ] = None,
    chapter_voice: Annotated[
        list[str] | None,
        _voice_option(metavar="NUMBER=NAME", help="Another voice for one chapter, such as 2=alba."),
    ] = None,
    speaker: Annotated[
        list[str] | None,
        _voice_option(metavar="WHO=NAME", help="With --markup: the voice for lines of \\[WHO]."),
    ] = None,
    speed: SpeedOption = None,
    pitch: PitchOption = None,
    volume: VolumeOption = None,
    pause_scale: PauseScaleOption = None,
    seed: SeedOption = None,
    temperature: TemperatureOption = None,
    sample_rate: SampleRateOption = None,
    bitrate: BitrateOption = None,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Make a recording of a book, with chapters.

    Ctrl-C parks it; the same command goes on where it was.
    """
    from app.cli.narrate import narrate as narrate_book  # noqa: PLC0415
    from app.cli.narrate import pairs_in  # noqa: PLC0415
    from app.cli.say import pronunciations_in  # noqa: PLC0415

    given: dict[str, Any] = {
        "loudness": loudness,
        "chapter_pause": chapter_pause,
        "title": title,
        "author": author,
        "markup": "on" if markup else None,
        "normalize": False if no_normalize else None,
        "keep_times": False if no_times else None,
        "code": code,
        "formulas": formulas,
        "pronunciations": pronunciations_in(pronounce) if pronounce else None,
        "language": language,
        "voice": voice,
        "chapter_voices": pairs_in("--chapter-voice", chapter_voice) if chapter_voice else None,
        "speakers": pairs_in("--speaker", speaker) if speaker else None,
        "speed": speed,
        "pitch": pitch,
        "volume": volume,
        "pause_scale": pause_scale,
        "seed": seed,
        "temperature": temperature,
        "sample_rate": sample_rate,
        "bitrate": bitrate,
    }
    read = {
        "footnotes": footnotes,
        "page_numbers": page_numbers,
        "running_heads": running_heads,
        "tables": tables,
    }
    narrate_book(
        book,
        output,
        {name: value for name, value in given.items() if value is not None},
        {name: value for name, value in read.items() if value},
        audio_format=format,
        captions=captions,
        server=server,
        quiet=quiet,
    )
