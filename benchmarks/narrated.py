"""Opens a recording of a book and checks its chapters, tags, captions and words."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from mutagen.mp4 import MP4
from numpy.typing import NDArray

from app.audio.ffmpeg import find_ffmpeg
from benchmarks.book import BookChapter
from training.preview.recogniser import Recogniser, edit_distance, words_of

SAMPLE_SENTENCES = 5
RATE_HZ = 24_000


def check(
    output: Path, book: list[BookChapter], job: dict[str, Any], captions: dict[str, Any]
) -> dict[str, Any]:
    """Return what is right and wrong with a recording and its captions.

    Args:
        output: the M4B.
        job: as `GET /jobs/{id}` shows it.
        captions: those in JSON.
    """
    headings = [chapter.heading for chapter in book]
    starts = [each["start_seconds"] for each in job["chapters"]]
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_chapters", "-show_format"]
    probed = json.loads(subprocess.check_output([*command, str(output)]))
    tags: Any = MP4(output)  # type: ignore[no-untyped-call]
    by_ffprobe = [(each["tags"]["title"], float(each["start_time"])) for each in probed["chapters"]]
    by_mutagen = [(each.title, each.start) for each in tags.chapters]
    said = [each["text"] for each in captions["sentences"]]
    return {
        "title_and_author": [tags["\xa9nam"][0], tags["\xa9ART"][0]],
        "file_seconds": round(float(probed["format"]["duration"])),
        "chapters_right": all(
            [title for title, _ in found] == headings for found in (by_ffprobe, by_mutagen)
        ),
        "chapters_off_seconds": round(
            max(
                abs(start - wanted)
                for found in (by_ffprobe, by_mutagen)
                for (_, start), wanted in zip(found, starts, strict=True)
            ),
            3,
        ),
        "caption_sentences": len(said),
        "captions_right": _plain(said) == _plain(_all_of(book)),
        "captions_end_seconds": captions["sentences"][-1]["end"],
        **_heard(output, book, captions),
    }


def _all_of(book: list[BookChapter]) -> list[str]:
    return [each for chapter in book for each in (chapter.heading, *chapter.sentences)]


def _plain(sentences: list[str]) -> list[str]:
    return words_of(" ".join(sentences))


def _heard(output: Path, book: list[BookChapter], captions: dict[str, Any]) -> dict[str, Any]:
    """Recognise some sentences in the middle of each chapter, cut out by the captions' times."""
    recogniser, sentences = Recogniser(), captions["sentences"]
    said: list[list[str]] = []
    heard: list[list[str]] = []
    first = 0
    for chapter in book:
        middle = first + 1 + len(chapter.sentences) // 2
        own = sentences[middle : middle + SAMPLE_SENTENCES]
        at = len(chapter.sentences) // 2
        said.append(_plain(list(chapter.sentences[at : at + SAMPLE_SENTENCES])))
        pcm = _cut(output, own[0]["start"], own[-1]["end"])
        heard.append(words_of(recogniser.words(pcm, RATE_HZ)))
        first += 1 + len(chapter.sentences)
    errors = [[edit_distance(one, other) / len(one) for one in said] for other in heard]
    own_errors = [row[number] for number, row in enumerate(errors)]
    return {
        "words_heard": sum(map(len, said)),
        "word_errors_percent": round(
            100
            * sum(edit_distance(*each) for each in zip(said, heard, strict=True))
            / sum(map(len, said)),
            1,
        ),
        "word_errors_percent_of_chapters": [round(100 * each) for each in own_errors],
        "every_chapter_is_itself": all(min(row) == row[at] for at, row in enumerate(errors)),
    }


def _cut(output: Path, start_seconds: float, end_seconds: float) -> NDArray[np.floating[Any]]:
    command = [str(find_ffmpeg()), "-v", "error", "-ss", f"{start_seconds:.3f}", "-i", str(output)]
    command += ["-t", f"{end_seconds - start_seconds:.3f}", "-map", "0:a", "-f", "s16le"]
    command += ["-ac", "1", "-ar", str(RATE_HZ), "pipe:1"]
    return np.frombuffer(subprocess.check_output(command), "<i2") / 32768
