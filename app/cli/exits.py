"""Defines how a command ends: with an exit code for scripts, and a line for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType

from app.errors import Parameter


class ExitCode(IntEnum):
    """A command ends with one of these codes; `EXIT_CODES` tells people what they mean."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNAUTHORIZED = 4
    INTERRUPTED = 130
    NO_READER = 141
    """A shell reports this code for a program that SIGPIPE ended."""


EXIT_CODES = """[bold]Exit codes[/bold]
[cyan]  0[/cyan]  done
[cyan]  1[/cyan]  it could not be done: the model, the server, the disk or the player failed
[cyan]  2[/cyan]  wrong usage or bad input; the message names the option
[cyan]  3[/cyan]  the server cannot be reached
[cyan]  4[/cyan]  the server wants another API_KEY
[cyan]130[/cyan]  interrupted (Ctrl-C); no half file is left
[cyan]141[/cyan]  whoever read the standard output has left"""

SPEECH_WORDS: Mapping[Parameter, str] = MappingProxyType(
    {
        Parameter.TEXT: "TEXT",
        Parameter.VOICE: "--voice",
        Parameter.CLIP: "--voice",
        Parameter.PRONUNCIATIONS: "--pronounce",
        **{
            parameter: f"--{parameter.value.replace('_', '-')}"
            for parameter in (
                Parameter.SPEED,
                Parameter.PITCH,
                Parameter.VOLUME,
                Parameter.LANGUAGE,
                Parameter.FORMAT,
                Parameter.SAMPLE_RATE,
                Parameter.BITRATE,
            )
        },
    }
)
"""The command `say` has these names for the parameters of speech."""

VOICE_WORDS: Mapping[Parameter, str] = MappingProxyType(
    {
        Parameter.NAME: "NAME",
        Parameter.RECORDINGS: "FILE",
        Parameter.STATE: "FILE",
        Parameter.DESCRIPTION: "--description",
        Parameter.TAGS: "--tag",
        Parameter.LANGUAGE: "--language",
        Parameter.REPLACE: "--replace",
    }
)
"""The command `voices` has these names for the parameters of a voice."""


class Refused(Exception):
    """Raised to end a command with a message and an exit code.

    Args:
        message: for people; None where nobody is left to read it.
    """

    def __init__(self, message: str | None, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def about(self, what: str) -> Refused:
        """Return this refusal with the name of what it is about in front of its message."""
        return self if self.message is None else Refused(f"{what}: {self.message}", self.code)

    @property
    def line(self) -> str:
        """Return the line for standard error; empty where nobody is left to read it."""
        return "" if self.message is None else f"error: {' '.join(self.message.split())}"


def about_option(message: str, option: str | None) -> str:
    """Put the option that a message is about in front of it, unless the message names it."""
    return message if option is None or option in message else f"{option}: {message}"
