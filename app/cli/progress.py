"""Shows progress on standard error: a status while loading, then a bar with the time left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from app.cli.outputs import print_result

CHARS_PER_SECOND = 15.0
"""English is read at about this speed; only the bar depends on it."""


class ProgressLine:
    """Draws one line again and again on a terminal, and nothing anywhere else.

    Args:
        quiet: draw nothing on a terminal either.
    """

    def __init__(self, *, quiet: bool) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
            # rich would send results to the bar's console, which is standard error.
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task: TaskID | None = None
        self._expected: list[float] = []
        self._spoken: list[float] = []

    def __enter__(self) -> ProgressLine:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Clear the line; what is shown from now on stays."""
        self._bar.stop()

    def status(self, words: str) -> None:
        """Show what is being waited for, where nobody knows how long that takes."""
        if self._task is None:
            self._task = self._bar.add_task(words, total=None, left="")
        elif not self._expected:
            self._bar.update(self._task, description=words)

    def expect(self, scripts: Sequence[str]) -> None:
        """Begin a bar that shows how much of these texts has been spoken."""
        self._expected = [max(1.0, len(script) / CHARS_PER_SECOND) for script in scripts]
        self._spoken = [0.0] * len(scripts)
        if self._task is not None:
            self._bar.remove_task(self._task)
        several = f" {len(scripts)} texts" if len(scripts) > 1 else ""
        self._task = self._bar.add_task(
            f"speaking{several}", total=sum(self._expected), left="left"
        )

    def spoken(self, number: int, seconds: float) -> None:
        """Note how much of a text has been spoken.

        Args:
            number: counts the texts from 0.
        """
        # The length is a guess: keep the bar from being full before the text is finished.
        self._spoken[number] = min(seconds, 0.98 * self._expected[number])
        self._draw()

    def finished(self, number: int) -> None:
        """Note that a text has been spoken to its end."""
        self._spoken[number] = self._expected[number]
        self._draw()

    def say(self, line: str) -> None:
        """Print a line on standard error that stays."""
        with self._cleared():
            typer.echo(line, err=True)

    def result(self, line: str) -> None:
        """Print a line on standard output.

        Raises:
            Refused: nobody takes it.
        """
        with self._cleared():
            print_result(line)

    @contextmanager
    def _cleared(self) -> Iterator[None]:
        drawn = self._bar.live.is_started
        self._bar.stop()
        yield
        if drawn:
            self._bar.start()

    def _draw(self) -> None:
        if self._task is not None:
            self._bar.update(self._task, completed=sum(self._spoken))
