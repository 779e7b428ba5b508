"""Reads a script into the pieces that are spoken: markup, then normalisation, then chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate, groupby

from app.audio.effects import pause_seconds
from app.audio.shaping import ChunkShape
from app.errors import InvalidRequest, NothingToSpeak, Parameter
from app.ranges import PITCH_SEMITONES_RANGE, SPEED_RANGE, VOLUME_DB_RANGE
from app.speech import Boundary, Chunk, Prosody, TokenCounter
from app.text.chunks import split_into_chunks
from app.text.markup import parse_script
from app.text.normalise import normalise
from app.text.passages import Passage, Pause, Span
from app.text.sentences import Break, find_words

_SENTENCE_ENDS = ".!?…。！？"
_CLAUSE_ENDS = ",;:—–"
_ROUNDING = 1e-6
_FULL_GROWN = 2.0
"""From this scale on, pauses that are none at 1 are as long as all others."""
_CLOSERS = "\"'”’»)]}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Holds a chunk of script, who speaks it, and how its sound is shaped."""

    text: str
    voice: str | None
    """None means the request's own voice."""
    shape: ChunkShape


@dataclass(frozen=True, slots=True)
class ScriptPlan:
    """Holds all that is heard of a script, in order, after a silence of `lead_seconds`."""

    pieces: tuple[Piece, ...]
    lead_seconds: float


@dataclass(frozen=True, slots=True)
class ScriptRules:
    """Says how a script is to be read.

    Attributes:
        voice_called: returns how the voice of that name is written, None if there is none, for
            lines like `[alba] Good morning.`
        language: decides what numbers and abbreviations become, as a two-letter code.
        normalise: whether they are put into words at all.
        markup: says whether there may be any; else all of the script is spoken.
        prosody: shapes the whole request; markup composes with it.
        token_counter: makes a function that counts the tokens of pieces of a text.
        goes_on: whether more of the script follows, which wants a pause before it.
        ends_paragraph: whether what follows is a paragraph of its own.
    """

    voice_called: Callable[[str], str | None]
    language: str
    normalise: bool
    prosody: Prosody
    pause_scale: float
    max_chars: int
    max_tokens: int
    token_counter: Callable[[str], TokenCounter]
    markup: bool = True
    goes_on: bool = False
    ends_paragraph: bool = False


def plan_script(script: str, rules: ScriptRules) -> ScriptPlan:
    """Read a script into a plan of what is spoken.

    Args:
        script: the text, as `clean_script` returns it.

    Raises:
        InvalidRequest: the markup is wrong, or nothing is left to speak.
        TooLarge: there is too much markup.
    """
    pieces: list[Piece] = []
    lead_seconds = 0.0
    passages: tuple[Passage, ...] = (Span(script),)
    if rules.markup:
        passages = parse_script(script, voice_called=rules.voice_called, language=rules.language)
    for manner, group in groupby(passages, _manner):
        if manner is not None:
            voice, prosody = manner
            text = "".join(_spoken(each, rules) for each in group if isinstance(each, Span))
            pieces.extend(_pieces_of(text, voice, prosody.within(rules.prosody), rules))
            continue
        seconds = sum(each.seconds for each in group if isinstance(each, Pause))
        if pieces:
            pieces[-1] = _followed_by(pieces[-1], seconds)
        else:
            lead_seconds += seconds
    if not pieces:
        raise NothingToSpeak(
            f"{Parameter.TEXT} holds nothing that can be spoken", field=Parameter.TEXT
        )
    if isinstance(passages[-1], Span):
        pieces[-1] = _before_what_follows(pieces[-1], rules)
    _check_prosody(pieces)
    return ScriptPlan(tuple(pieces), lead_seconds)


def _manner(passage: Passage) -> tuple[str | None, Prosody] | None:
    """Return the voice and prosody of a span, None for a pause.

    Spans of one manner are read as one text, even if their border runs through a word.
    """
    return (passage.voice, passage.prosody) if isinstance(passage, Span) else None


def _spoken(span: Span, rules: ScriptRules) -> str:
    """Put the text of a span into words, and keep the white space around it."""
    if span.verbatim or not rules.normalise:
        return span.text
    text = span.text.strip()
    start = span.text.find(text)
    words = normalise(text, language=rules.language)
    return span.text[:start] + words + span.text[start + len(text) :]


def _pieces_of(
    text: str, voice: str | None, prosody: Prosody, rules: ScriptRules
) -> Iterator[Piece]:
    if not any(map(str.isalnum, text)):
        return
    scale = rules.pause_scale
    split = partial(
        split_into_chunks,
        text,
        max_chars=rules.max_chars,
        count_tokens=rules.token_counter(text),
        max_tokens=rules.max_tokens,
    )
    # In one chunk the model hardly pauses between short sentences, so that there is little to
    # stretch; to shorten, what it makes is enough, and costs no prefill.
    chunks = split(at_sentences=scale > 1)
    grows = 1 < scale < _FULL_GROWN
    usual_ends = set(_ends_of(split())) if grows else set()
    for chunk, end in zip(chunks, _ends_of(chunks), strict=True):
        last = chunk.boundary is Boundary.END
        boundary = _end_of_text(text, chunk) if last else chunk.boundary
        shape = _shape(chunk.text, boundary, prosody, scale)
        if grows and not last and end not in usual_ends and not _has_mark(chunk.text):
            # At 1 nothing is heard where a line ends without a mark, so the pause grows from there.
            share = (scale - 1) / (_FULL_GROWN - 1)
            shape = replace(
                shape,
                pause_after_seconds=share * shape.pause_after_seconds,
                scale_after=share * shape.scale_after,
            )
        yield Piece(chunk.text, voice, shape)


def _ends_of(chunks: Sequence[Chunk]) -> Iterator[int]:
    """Yield where each chunk ends, counted without the white space between them."""
    return accumulate(len(chunk.text) for chunk in chunks)


def _has_mark(text: str) -> bool:
    mark = text.rstrip(_CLOSERS)[-1:]
    return bool(mark) and mark in _SENTENCE_ENDS + _CLAUSE_ENDS


def _shape(text: str, boundary: Boundary, prosody: Prosody, scale: float) -> ChunkShape:
    # Without a mark a silence is none that the writer meant: it may go, but it does not grow.
    unmarked = min(1.0, scale)
    marked = scale <= 1 or any(word.after >= Break.CLAUSE for word in find_words(text)[:-1])
    return ChunkShape(
        prosody,
        pause_seconds(boundary, scale=scale),
        scale_inside=scale if marked else unmarked,
        scale_after=unmarked if boundary is Boundary.WORD else scale,
    )


def _check_prosody(pieces: Sequence[Piece]) -> None:
    """Refuse prosody out of range: markup and controls may be in range each, but not together."""
    for piece in pieces:
        prosody = piece.shape.prosody
        for parameter, value, lowest, highest in (
            (Parameter.SPEED, prosody.speed, *SPEED_RANGE),
            (Parameter.VOLUME, prosody.volume_db, *VOLUME_DB_RANGE),
            (Parameter.PITCH, prosody.pitch_semitones, *PITCH_SEMITONES_RANGE),
        ):
            if not lowest - _ROUNDING <= value <= highest + _ROUNDING:
                raise InvalidRequest(
                    f"{parameter} of the request and of the markup in {Parameter.TEXT} come to "
                    f"{value:g} together; {lowest:g} to {highest:g} is allowed",
                    field=parameter,
                )


def _end_of_text(text: str, last: Chunk) -> Boundary:
    """Tell what stands between the last chunk of a text and a text in another manner."""
    if text.endswith("\n\n"):
        return Boundary.PARAGRAPH
    mark = last.text.rstrip(_CLOSERS)[-1:]
    if mark and mark in _SENTENCE_ENDS:
        return Boundary.SENTENCE
    if (mark and mark in _CLAUSE_ENDS) or text.endswith("\n"):
        return Boundary.CLAUSE
    return Boundary.WORD


def _before_what_follows(last: Piece, rules: ScriptRules) -> Piece:
    if not rules.goes_on:
        return _followed_by(last, 0.0)
    if rules.ends_paragraph:
        shape = _shape(last.text, Boundary.PARAGRAPH, last.shape.prosody, rules.pause_scale)
        return replace(last, shape=shape)
    return last


def _followed_by(piece: Piece, seconds: float) -> Piece:
    """Return the piece with a pause of the script's own after it, which is not scaled."""
    shape = replace(piece.shape, pause_after_seconds=seconds, scale_after=1.0)
    return replace(piece, shape=shape)
