"""Cuts a script or a document into chapters, and these into the segments that are spoken."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from app.documents.document import Cue, Document
from app.errors import InvalidRequest, NothingToSpeak, Parameter, TooLarge
from app.jobs.job import NewChapter, NewSegment
from app.jobs.wish import JobControls
from app.text.paragraphs import cut_into_parts
from app.text.script import clean_script
from app.work import CancelToken

VoiceCalled = Callable[[str], str | None]
"""Returns the voice that a name means; None if there is none."""


def cut_into_chapters(
    work: Document | str,
    controls: JobControls,
    *,
    voice_called: VoiceCalled,
    max_characters: int,
    max_segment_characters: int,
    cancel: CancelToken,
) -> tuple[NewChapter, ...]:
    """Cut a work into the chapters and segments of a job. Blocks.

    Args:
        voice_called: knows the voices of the server; those of the caller come first.
        max_characters: so long a script may be,
        max_segment_characters: and so long a part of it that cannot be divided.

    Raises:
        InvalidRequest: it is too long, names speakers or chapters that are not there, or holds
            nothing that can be spoken.
    """
    if isinstance(work, Document) and work.cues and controls.keep_times:
        _check_chapters(controls, there=1)
        return (_at_its_times(work.cues, controls.chapter_voices.get(1)),)
    if isinstance(work, str):
        # It is checked whole, so that what no text has is refused now and not in hours.
        clean_script(work, max_chars=max_characters)
        texts: list[tuple[str | None, str]] = [(None, work)]
    else:
        texts = [(chapter.heading, chapter.text) for chapter in work.chapters]
    _check_chapters(controls, there=len(texts))
    speakers = {name.casefold(): voice for name, voice in controls.speakers.items()}
    is_script = isinstance(work, str)
    marked = controls.markup == "on" and (is_script or "markup" in controls.model_fields_set)
    chapters: list[NewChapter] = []
    for number, (heading, text) in enumerate(texts, start=1):
        cancel.check()
        if controls.chapters and number not in controls.chapters:
            continue
        parts = cut_into_parts(
            text,
            markup=marked,
            blocks=is_script and controls.normalize,
            voice_called=lambda name: speakers.get(name.casefold()) or voice_called(name),
        )
        longest = max((len(part.text) for part in parts), default=0)
        if longest > max_segment_characters:
            raise TooLarge(
                f"{Parameter.TEXT} has a part of {longest} characters that cannot be divided; "
                f"{max_segment_characters} are allowed",
                field=Parameter.TEXT,
            )
        segments = tuple(NewSegment(part.text, part.voice) for part in parts)
        if any(map(str.isalnum, text)):
            chapters.append(NewChapter(heading, segments, controls.chapter_voices.get(number)))
    if not chapters:
        raise NothingToSpeak(f"{Parameter.TEXT} holds nothing that can be spoken")
    return tuple(chapters)


def _check_chapters(controls: JobControls, *, there: int) -> None:
    named = {"chapters": controls.chapters, "chapter_voices": controls.chapter_voices}
    for field, numbers in named.items():
        if (last := max(numbers, default=0)) > there:
            raise InvalidRequest(f"{field} names chapter {last}; there are {there}", field=field)


def _at_its_times(cues: Sequence[Cue], voice: str | None) -> NewChapter:
    """Make a chapter of subtitles in which each sentence is heard at its time."""
    segments = (
        NewSegment(
            each.text,
            start_seconds=each.start_seconds,
            most_seconds=each.end_seconds - each.start_seconds,
        )
        for each in cues
    )
    return NewChapter(None, tuple(segments), voice)
