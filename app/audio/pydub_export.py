"""Exports with pydub: with an FFmpeg of our choice that can be stopped, and without leaving files.

No other module imports pydub.
"""

from __future__ import annotations

import mmap
import shutil
import subprocess
import tempfile
import warnings
from contextlib import ExitStack
from contextvars import ContextVar
from pathlib import Path
from typing import IO, Any

from app.audio.ffmpeg import ffmpeg_gone
from app.audio.pcm import S16_BYTES
from app.files import scratch_folder
from app.work import CancelToken

with warnings.catch_warnings():
    # pydub looks for FFmpeg on the PATH, which we do not rely on; its patterns have escapes
    # that Python 3.12 complains about; and it imports audioop, which left Python with 3.13.
    warnings.filterwarnings("ignore", "Couldn't find ff", RuntimeWarning)
    warnings.filterwarnings("ignore", r"invalid escape|.*is an invalid escape", SyntaxWarning)
    warnings.filterwarnings("ignore", r"invalid escape", DeprecationWarning)
    warnings.filterwarnings("ignore", "'audioop' is deprecated", DeprecationWarning)
    import pydub.audio_segment
    from pydub.exceptions import CouldntEncodeError

__all__ = ["CouldntEncodeError", "export"]


class _Export:
    """Stands between pydub and the system while one clip is exported.

    pydub offers no choice of the directory, leaves its files there if FFmpeg fails or the disk is
    full, reads the whole result into memory, and lets nobody stop FFmpeg.
    """

    def __init__(
        self, folder: Path, made: IO[bytes], cancel: CancelToken, stack: ExitStack
    ) -> None:
        self._folder = folder
        self._made = made
        self._cancel = cancel
        self._stack = stack

    def named_temporary_file(self, mode: str, **options: Any) -> IO[bytes]:
        opened = tempfile.NamedTemporaryFile(mode, dir=self._folder, **options)  # noqa: SIM115
        file = self._stack.enter_context(opened)
        if "+" in mode:  # pydub reads what FFmpeg wrote into it

            def copied() -> bytes:
                shutil.copyfileobj(file.file, self._made)
                return b""

            file.read = copied  # type: ignore[method-assign, assignment]
        return file

    def popen(self, command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        try:
            # Ctrl-C ends this server, which lets it finish first.
            process = subprocess.Popen(command, process_group=0, **options)  # noqa: S603 - pydub's
        except OSError as error:
            raise ffmpeg_gone(error) from error
        self._stack.enter_context(self._cancel.calling(process.kill))
        return process


_current: ContextVar[_Export] = ContextVar("_current")


class _Subprocess:
    """Gives pydub the part of `subprocess` that it uses."""

    PIPE = subprocess.PIPE

    @staticmethod
    def Popen(command: list[str], **options: Any) -> subprocess.Popen[bytes]:  # noqa: N802
        return _current.get().popen(command, **options)


def _named_temporary_file(mode: str, **options: Any) -> IO[bytes]:
    return _current.get().named_temporary_file(mode, **options)


pydub.audio_segment.NamedTemporaryFile = _named_temporary_file
pydub.audio_segment.subprocess = _Subprocess


def export(
    samples: mmap.mmap,
    sample_rate_hz: int,
    made: IO[bytes],
    *,
    muxer: str,
    codec: str | None,
    arguments: list[str] | None,
    ffmpeg: Path,
    cancel: CancelToken,
) -> None:
    """Encode mono audio as a complete file. Blocks.

    Args:
        samples: 16-bit, mono.
        made: gets the file, from its beginning.
        codec, arguments: what FFmpeg gets; None for both and the muxer "wav" do without it.
        cancel: ends FFmpeg, so that this raises CouldntEncodeError.

    Raises:
        CouldntEncodeError: FFmpeg failed; the text has what it said.
        FfmpegUnavailable: it does not start.
        StorageFailed: the disk is full.
    """
    with scratch_folder() as folder, ExitStack() as stack, memoryview(samples) as data:
        token = _current.set(_Export(folder, made, cancel, stack))
        segment = pydub.audio_segment.AudioSegment(
            data=data, sample_width=S16_BYTES, frame_rate=sample_rate_hz, channels=1
        )
        segment.converter = str(ffmpeg)
        try:
            segment.export(made, format=muxer, codec=codec, parameters=arguments)
        finally:
            _current.reset(token)
            segment._data = b""  # the view of the samples ends with the block
