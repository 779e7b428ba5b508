"""Exports with pydub, quietly, with an FFmpeg of our choice, and without leaving files behind.

No other module imports pydub.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np

from app.audio.pcm import S16, S16_BYTES

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

_make_file: ContextVar[Callable[..., IO[bytes]]] = ContextVar(
    "_make_file", default=tempfile.NamedTemporaryFile
)


def _named_temporary_file(**options: Any) -> IO[bytes]:
    return _make_file.get()(**options)


# pydub offers no choice of the directory, and when FFmpeg fails or the disk is full it leaves its
# files there, open. So its module gets them from whoever is exporting in this thread.
pydub.audio_segment.NamedTemporaryFile = _named_temporary_file


@contextmanager
def _files_removed() -> Iterator[None]:
    with (
        tempfile.TemporaryDirectory(prefix="speech-", ignore_cleanup_errors=True) as directory,
        ExitStack() as files,
    ):

        def make_file(**options: Any) -> IO[bytes]:
            return files.enter_context(tempfile.NamedTemporaryFile(dir=directory, **options))

        token = _make_file.set(make_file)
        try:
            yield
        finally:
            _make_file.reset(token)


def export(
    s16: S16,
    sample_rate_hz: int,
    *,
    muxer: str,
    codec: str | None,
    arguments: list[str] | None,
    ffmpeg: Path,
) -> bytes:
    """Encode mono audio as a complete file. Blocks.

    Args:
        codec, arguments: what FFmpeg gets; None for both and the muxer "wav" do without it.

    Raises:
        CouldntEncodeError: FFmpeg failed; the text has what it said.
        OSError: the disk is full, or FFmpeg does not start.
    """
    segment = pydub.audio_segment.AudioSegment(
        data=s16.view(np.uint8).data,
        sample_width=S16_BYTES,
        frame_rate=sample_rate_hz,
        channels=1,
    )
    segment.converter = str(ffmpeg)
    file = BytesIO()
    with _files_removed():
        segment.export(file, format=muxer, codec=codec, parameters=arguments)
    return file.getvalue()
