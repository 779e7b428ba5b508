"""How a command ends: a code for scripts, and a line for people."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    UNAUTHORIZED = 4
    INTERRUPTED = 130
    NO_READER = 141
    """as a shell reports a program that SIGPIPE ended"""


EXIT_CODES = """[bold]Exit codes[/bold]
[cyan]  0[/cyan]  done
[cyan]  1[/cyan]  it could not be done: the model, the server, the disk or the player failed
[cyan]  2[/cyan]  wrong usage or bad input; the message names the option
[cyan]  3[/cyan]  the server cannot be reached
[cyan]  4[/cyan]  the server wants another API_KEY
[cyan]130[/cyan]  interrupted (Ctrl-C); no half file is left
[cyan]141[/cyan]  whoever read the standard output has left"""

SPEECH_OPTIONS: Mapping[str, str] = {
    "script": "TEXT",
    "voice": "--voice",
    "voice_file": "--voice",
    **{
        name: f"--{name.replace('_', '-')}"
        for name in (
            "speed",
            "pitch",
            "volume",
            "seed",
            "temperature",
            "language",
            "format",
            "sample_rate",
            "bitrate",
            "normalize_loudness",
        )
    },
}
"""Field of the speech endpoints → what it is called here"""

VOICE_OPTIONS: Mapping[str, str] = {
    "name": "NAME",
    "files": "FILE",
    "file": "FILE",
    "description": "--description",
    "tags": "--tag",
    "language": "--language",
}
"""Likewise of the endpoints of voices"""


class Refused(Exception):
    """Ends a command.

    Args:
        message: for people; None where nobody is left to read it.
    """

    def __init__(self, message: str | None, code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.message = message
        self.code = code

    def about(self, what: str) -> Refused:
        """The same, said of one thing among several."""
        return self if self.message is None else Refused(f"{what}: {self.message}", self.code)

    @property
    def line(self) -> str:
        """For standard error; empty where nobody is left to read it."""
        return "" if self.message is None else f"error: {' '.join(self.message.split())}"


def in_options(message: str, field: str | None, names: Mapping[str, str]) -> str:
    """A message about a field, said about the option that it came from.

    >>> in_options("voice 'bob' does not exist", "voice", {"voice": "--voice"})
    "--voice 'bob' does not exist"
    """
    message = message.replace("send replace=true", "use --replace")
    option = names.get(field or "")
    if field is None or option is None:
        return message
    if message.startswith(option):
        return message
    if message.startswith((f"{field} ", f"{field}:")):
        return option + message[len(field) :]
    return f"{option}: {message}"
