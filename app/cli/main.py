"""Defines the commands and their options; what a command does is imported when it is run."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException
from typer.main import get_command

from app import __version__
from app.cli.exits import EXIT_CODES, ExitCode, Refused
from app.cli.key_commands import keys
from app.cli.narrate_command import narrate
from app.cli.options import (
    BitrateOption,
    CaptionsOption,
    CodeOption,
    EncodingOption,
    FormatOption,
    FormulasOption,
    LanguageOption,
    LinesOption,
    NamesOption,
    NoMarkupOption,
    NormalizeLoudnessOption,
    OutputOption,
    PauseScaleOption,
    PitchOption,
    PlayOption,
    PronounceOption,
    QuietOption,
    SampleRateOption,
    SeedOption,
    ServerOption,
    SpeedOption,
    StreamOption,
    TemperatureOption,
    TextsArgument,
    VoiceOption,
    VolumeOption,
)
from app.cli.program import PROGRAM
from app.cli.pronunciation_commands import pronunciations
from app.cli.voice_commands import voices
from app.process_end import end_process

app = typer.Typer(
    help="Pocket Speech: text in, speech out, on ordinary CPUs.\n\n"
    "Settings come from the environment and from .env in the current folder, as for the server. "
    "The whole manual is docs/command-line.md.",
    epilog=EXIT_CODES,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(voices, name="voices")
app.add_typer(keys, name="keys")
app.add_typer(pronunciations, name="pronunciations")


app.command(epilog=f"Example: {PROGRAM} narrate book.epub -o book.m4b")(narrate)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def main(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    pass


@app.command(
    epilog=f"""[bold]Examples[/bold]
{PROGRAM} say "Good evening." -o evening.mp3
{PROGRAM} say chapter.txt -v marius --speed 0.9 -o chapter.ogg
{PROGRAM} say chapter.txt --captions srt,vtt -o chapter.mp3
{PROGRAM} say --play --stream "Hello!"
{PROGRAM} say --pronounce "Nginx=engine X" "Nginx is up." -o up.mp3
{PROGRAM} say --lines lines.txt -o audio/ --format wav
{PROGRAM} say --lines --names named.tsv -o audio/
echo "From a pipe." | {PROGRAM} say - -o - | ffplay -nodisp -autoexit -
{PROGRAM} say "Hello!" --server http://localhost:8000 -o hello.mp3"""
)
def say(  # noqa: PLR0917 - Typer passes them by name
    texts: TextsArgument,
    output: OutputOption = None,
    format: FormatOption = None,  # noqa: A002
    play: PlayOption = False,
    stream: StreamOption = False,
    lines: LinesOption = False,
    names: NamesOption = False,
    encoding: EncodingOption = None,
    voice: VoiceOption = None,
    speed: SpeedOption = None,
    pitch: PitchOption = None,
    volume: VolumeOption = None,
    pause_scale: PauseScaleOption = None,
    seed: SeedOption = None,
    temperature: TemperatureOption = None,
    language: LanguageOption = None,
    sample_rate: SampleRateOption = None,
    bitrate: BitrateOption = None,
    normalize_loudness: NormalizeLoudnessOption = False,
    pronounce: PronounceOption = None,
    captions: CaptionsOption = None,
    code: CodeOption = None,
    formulas: FormulasOption = None,
    no_markup: NoMarkupOption = False,
    server: ServerOption = None,
    quiet: QuietOption = False,
) -> None:
    """Speak texts into files, into a pipe, or aloud.

    The model is loaded in this process, unless --server names a running one.
    A file is written whole or not at all; then its path is printed.
    """
    from app.cli.say import SayArguments, pronunciations_in, say  # noqa: PLC0415
    from app.cli.texts import Reading  # noqa: PLC0415

    controls = {
        "speed": speed,
        "pitch": pitch,
        "volume": volume,
        "pause_scale": pause_scale,
        "seed": seed,
        "temperature": temperature,
        "language": language,
        "sample_rate": sample_rate,
        "bitrate": bitrate,
        "normalize_loudness": normalize_loudness or None,
        "code": code,
        "formulas": formulas,
        "pronunciations": pronunciations_in(pronounce) if pronounce else None,
        "markup": "off" if no_markup else None,
    }
    set_controls = {name: value for name, value in controls.items() if value is not None}
    reading = Reading(lines, names, encoding)
    arguments = SayArguments(
        texts, reading, output, format, play, stream, voice, set_controls, captions
    )
    say(arguments, server=server, quiet=quiet)


@app.command(epilog=f"Example: {PROGRAM} serve --host 127.0.0.1 --port 8080")
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, in the place of HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port, in the place of PORT; 0 takes a free one."),
    ] = None,
) -> None:
    """Start the HTTP server, as python server.py does.

    It needs an API_KEY in the environment or in .env.
    """
    from app.serve import main as serve_until_ended  # noqa: PLC0415

    given = {"host": host, "port": port}
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    raise typer.Exit(serve_until_ended(**overrides))


@app.command(epilog=f"Example: {PROGRAM} wyoming --host 0.0.0.0")
def wyoming(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on, in the place of WYOMING_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, help="Port, in the place of WYOMING_PORT; 10200 if neither says."
        ),
    ] = None,
) -> None:
    """Serve Home Assistant (the Wyoming protocol) alone, without HTTP.

    The protocol has no key: whoever reaches the address can speak.
    """
    from app.cli.wyoming import serve_wyoming  # noqa: PLC0415

    raise typer.Exit(serve_wyoming(host, port))


@app.command(epilog=f"Example: {PROGRAM} mcp --server http://localhost:8000")
def mcp(
    folder: Annotated[
        Path | None,
        typer.Option(help="Where files are read and written; the current folder unless named."),
    ] = None,
    http: Annotated[
        bool, typer.Option("--http", help="Serve over HTTP, at /mcp, and touch no files.")
    ] = False,
    host: Annotated[str, typer.Option(help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port to listen on, with --http.")
    ] = 8001,
    server: ServerOption = None,
) -> None:
    """Give an agent a voice: the Model Context Protocol, over standard input and output.

    The model is loaded in this process, unless --server names a running one.
    It needs the package mcp. docs/mcp.md tells how agents are set up.
    """
    try:
        from app.cli.mcp_server import serve_http, serve_stdio  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("mcp"):
            raise
        raise Refused("mcp needs a package: pip install 'mcp>=2.3'", ExitCode.FAILED) from None

    if http:
        serve_http(host, port, server=server)
    else:
        serve_stdio(folder, server=server)


@app.command(
    # All of it is passed on, "--" as well.
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
    },
    add_help_option=False,
    epilog=f"Example: {PROGRAM} bench --quick",
)
def bench(context: typer.Context) -> None:
    """Measure this machine, as python -m benchmarks does.

    Figures are also written as JSON, into benchmarks/out or benchmarks-out.
    """
    from app.cli.bench import bench  # noqa: PLC0415

    raise typer.Exit(bench(context.args))


def outcome(arguments: Sequence[str]) -> tuple[int, str]:
    """Run a command, and return its exit code and the line for standard error."""
    try:
        code = get_command(app).main(arguments, prog_name=PROGRAM, standalone_mode=False)
    except Refused as refusal:
        return refusal.code, refusal.line
    except TyperException as error:
        context = getattr(error, "ctx", None)
        see = f" (see {context.command_path} --help)" if context else ""
        return ExitCode.USAGE, f"error: {' '.join(error.format_message().split())}{see}"
    # A command ends with None, or with the code of `typer.Exit`: 130 after a KeyboardInterrupt.
    return code or ExitCode.OK, "interrupted" if code == ExitCode.INTERRUPTED else ""


def run() -> NoReturn:
    """Run the command of `sys.argv` and end the process with its exit code."""
    code, message = outcome(sys.argv[1:])
    if message:
        typer.echo(message, err=True)
    if code in (ExitCode.INTERRUPTED, ExitCode.NO_READER):
        # A thread may still be loading the model, or be writing to somebody who does not read.
        os._exit(code)
    end_process(code)
