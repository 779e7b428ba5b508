"""Makes the finished file of a job: one loudness over the whole, then FFmpeg, with chapters."""

from __future__ import annotations

import logging
import re
import secrets
import subprocess
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.audio.ffmpeg import ffmpeg_gone
from app.audio.formats import AudioFormat
from app.audio.limiter import TruePeakLimiter
from app.audio.loudness import LoudnessMeter, in_blocks, integrated_lufs
from app.audio.pcm import to_s16
from app.captions.files import CAPTION_FORMATS
from app.errors import FfmpegFailed, StorageFailed
from app.files import partial_file, scratch_file, scratch_folder, storage_failed, write_whole
from app.jobs.heard import silence
from app.jobs.job import Job
from app.jobs.store import JobStore
from app.jobs.takes import JobFiles, floats
from app.jobs.timeline import Placed, Stretch, laid_out, marks_of, stretches
from app.jobs.wish import JobControls
from app.speech import SPEECH_RATE_HZ, Pcm
from app.work import CancelToken, ThreadPool

logger = logging.getLogger(__name__)

_CANNOT_KEEP = "the finished file cannot be kept"
_DISK_FULL = "No space left on device"
_LOGGED_BYTES = 2000
_ESCAPED = re.compile(r"([=;#\\\n])")
_WITH_COVER = ("m4b", "mp3", "flac")
_CHAPTER_TAGS = ("flac",)
"""FFmpeg writes no chapters of its own here; Vorbis comments name them."""
_FORMAT_ARGUMENTS = {
    "m4b": ("-brand", "M4B ", "-movflags", "+faststart"),
    "wav": ("-c:a", "pcm_s16le", "-rf64", "auto"),
    "mp3": ("-id3v2_version", "4"),
}


@dataclass(frozen=True, slots=True)
class Mastering:
    """Makes finished files.

    Attributes:
        pool: for work that takes minutes, which nobody else waits for.
    """

    store: JobStore
    files: JobFiles
    ffmpeg: Path
    pool: ThreadPool

    async def make(self, job: Job, controls: JobControls) -> tuple[str, int]:
        """Make the file of a job whose segments are all spoken; return its name and its size.

        Raises:
            StorageFailed: the disk is full, or a take is damaged.
            FfmpegFailed, FfmpegUnavailable.
        """
        return await self.pool.run_cancellable(lambda cancel: self._make(job, controls, cancel))

    def _make(self, job: Job, controls: JobControls, cancel: CancelToken) -> tuple[str, int]:
        segments = self.store.segments(job.id)
        placed = laid_out(segments, chapter_pause_seconds=controls.chapter_pause)
        found = stretches(placed, self.store.chapters(job.id))
        audio = controls.book_format()
        gain_db = self._gain_db(job, placed, controls.target_lufs, cancel)
        name = f"{_file_name(job.title)}.{secrets.token_hex(4)}"
        name += audio.extension if controls.files == "one" else ".zip"
        path = self.files.output_path(job.id, name)
        cover = self._cover(job) if audio.name in _WITH_COVER else None
        book = _Book(self, job, audio, placed, found, gain_db, cover, cancel)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial_file(path) as partial:
                if controls.files == "one":
                    book.encode(partial, placed, found)
                else:
                    book.zip_chapters(partial, controls)
            size_bytes = path.stat().st_size
        except OSError as error:
            raise storage_failed(_CANNOT_KEEP, error) from error
        self.files.share(path)
        return name, size_bytes

    def _cover(self, job: Job) -> Path | None:
        """Return where the cover lies; None if there is none."""
        if not job.has_cover:
            return None
        path = self.files.fetched(self.files.cover_path(job.id))
        return path if path.is_file() else None

    def sound(self, job: Job, placed: Iterable[Placed], cancel: CancelToken) -> Iterator[Pcm]:
        """Yield the takes and the silences between them."""
        for each in placed:
            for piece in silence(each.silence):
                yield floats(piece)
            for piece in self.files.read_take(job.id, each.segment):
                cancel.check()
                yield floats(piece)

    def _gain_db(
        self, job: Job, placed: Sequence[Placed], target_lufs: float | None, cancel: CancelToken
    ) -> float | None:
        """Return what brings the whole to its loudness; None leaves it alone."""
        if target_lufs is None:
            return None
        meter = LoudnessMeter(SPEECH_RATE_HZ)
        blocks = in_blocks(self.sound(job, placed, cancel), SPEECH_RATE_HZ)
        hops = [meter.feed(block) for block in blocks]
        measured = integrated_lufs(np.concatenate([*hops, meter.finish()]))
        return None if measured is None else target_lufs - measured


@dataclass(frozen=True, slots=True)
class _Book:
    """Holds what the files of one job have in common."""

    mastering: Mastering
    job: Job
    audio: AudioFormat
    placed: Sequence[Placed]
    stretches: Sequence[Stretch]
    gain_db: float | None
    cover: Path | None
    cancel: CancelToken

    def zip_chapters(self, path: Path, controls: JobControls) -> None:
        """Make a zip with a file for each chapter, and its captions beside it."""
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive, scratch_folder() as folder:
            for stretch in self.stretches:
                number = stretch.chapter.number
                own = [each for each in self.placed if each.segment.chapter == number]
                own[0] = Placed(own[0].segment, own[0].start, 0)
                heading = _file_name(stretch.chapter.heading or f"Chapter {number}")
                stem = f"{number:03} {heading}"
                made = folder / f"chapter{self.audio.extension}"
                self.encode(made, own, [stretch])
                archive.write(made, stem + self.audio.extension)
                if controls.captions:
                    segments = self.mastering.store.segments(
                        self.job.id, chapter=number, marked=True
                    )
                    marked = [
                        Placed(segment, each.start, each.silence)
                        for segment, each in zip(segments, own, strict=True)
                    ]
                    marks = marks_of(marked, from_sample=own[0].start)
                    seconds = (own[-1].end - own[0].start) / SPEECH_RATE_HZ
                    for name in controls.captions:
                        text = CAPTION_FORMATS[name].write(marks, seconds, controls.limits)
                        archive.writestr(f"{stem}.{name}", text)

    def encode(self, path: Path, placed: Sequence[Placed], found: Sequence[Stretch]) -> None:
        """Encode takes into one file with the chapters that are heard in it."""
        with scratch_folder() as folder, scratch_file() as messages:
            described = folder / "chapters"
            write_whole(described, self._described(found).encode())
            command = self._command(described, path)
            try:
                process = subprocess.Popen(  # noqa: S603 - fixed arguments
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=messages,
                    process_group=0,
                )
            except OSError as error:
                raise ffmpeg_gone(error) from error
            with process, self.cancel.calling(process.kill):
                assert process.stdin is not None
                try:
                    for piece in self._leveled(placed):
                        process.stdin.write(to_s16(piece).data)
                    process.stdin.close()
                    status = process.wait()
                except BrokenPipeError:
                    status = process.wait() or -1
                except BaseException:
                    process.kill()
                    raise
            self.cancel.check()
            if status != 0:
                messages.seek(0)
                said = messages.read()[-_LOGGED_BYTES:].decode(errors="replace")
                logger.error("a recording could not be encoded: %s", said.strip())
                if _DISK_FULL in said:
                    raise StorageFailed(f"{_CANNOT_KEEP}: {_DISK_FULL}")
                raise FfmpegFailed(f"encoding the recording as {self.audio.name} failed")

    def _leveled(self, placed: Sequence[Placed]) -> Iterator[Pcm]:
        sound = self.mastering.sound(self.job, placed, self.cancel)
        if self.gain_db is None:
            yield from sound
            return
        limiter = TruePeakLimiter(SPEECH_RATE_HZ)
        gain = np.float32(10 ** (self.gain_db / 20))
        for block in in_blocks(sound, SPEECH_RATE_HZ):
            yield limiter.feed(block * gain)
        yield limiter.finish()

    def _command(self, described: Path, path: Path) -> list[str]:
        audio = self.audio
        command = [str(self.mastering.ffmpeg), "-hide_banner", "-loglevel", "error", "-y"]
        command += ["-f", "s16le", "-ar", str(SPEECH_RATE_HZ), "-ac", "1", "-i", "pipe:0"]
        command += ["-f", "ffmetadata", "-i", str(described)]
        if self.cover is not None:
            command += ["-f", "image2", "-i", str(self.cover)]
        command += ["-map", "0:a", "-map_metadata", "1", "-map_chapters", "1"]
        if self.cover is not None:
            command += ["-map", "2:v", "-c:v", "copy", "-disposition:v:0", "attached_pic"]
        if audio.codec is not None:
            command += ["-c:a", audio.codec, *audio.encoder_arguments(live=False)]
        command += ["-ar", str(audio.rate_hz(SPEECH_RATE_HZ)), "-bitexact"]
        command += _FORMAT_ARGUMENTS.get(audio.name, ())
        return [*command, "-f", audio.muxer, str(path)]

    def _described(self, found: Sequence[Stretch]) -> str:
        """Write title, author and chapters as FFmpeg reads them."""
        tags = {"title": self.job.title, "artist": self.job.author, "album": self.job.title}
        whole = len(found) == len(self.stretches)
        if not whole:
            tags["title"] = found[0].chapter.heading or self.job.title
        tags["genre"] = "Audiobook"
        first = found[0].start if found else 0
        spans = [(each, (each.start - first), (each.end - first)) for each in found]
        if self.audio.name in _CHAPTER_TAGS:
            for number, (each, start, _) in enumerate(spans):
                tags[f"CHAPTER{number:03}"] = _clock(start / SPEECH_RATE_HZ)
                tags[f"CHAPTER{number:03}NAME"] = _heading(each)
        lines = [";FFMETADATA1"]
        lines += [f"{name}={_escape(value)}" for name, value in tags.items() if value]
        for each, start, end in spans:
            lines += ["[CHAPTER]", f"TIMEBASE=1/{SPEECH_RATE_HZ}", f"START={start}", f"END={end}"]
            lines.append(f"title={_escape(_heading(each))}")
        return "\n".join([*lines, ""])


def _heading(stretch: Stretch) -> str:
    return stretch.chapter.heading or f"Chapter {stretch.chapter.number}"


def _escape(text: str) -> str:
    return _ESCAPED.sub(r"\\\1", text)


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours:02}:{minutes:02}:{seconds:06.3f}"


def _file_name(title: str | None) -> str:
    """Make a name that every system takes of a title."""
    kept = "".join(each if each.isalnum() or each in " -_" else " " for each in title or "")
    return " ".join(kept.split())[:40].strip() or "recording"
