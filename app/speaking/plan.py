"""Reads a script into the pieces that are spoken: markup, then normalisation, then chunks."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import NamedTuple

from app.audio.effects import pause_seconds
from app.audio.shaping import ChunkShape
from app.errors import InvalidRequest, NothingToSpeak, Parameter, TooLarge
from app.lexicon import Lexicon, Replacement, no_lexicon, replacements
from app.ranges import PITCH_SEMITONES_RANGE, SPEED_RANGE, VOLUME_DB_RANGE
from app.speech import (
    Boundary,
    Chunk,
    CodeReading,
    FormulaReading,
    Prosody,
    SpokenWord,
    TokenCounter,
)
from app.text.blocks import read_blocks
from app.text.chunks import split_into_chunks
from app.text.length import least_seconds
from app.text.letters import LetterCheck
from app.text.mapped import MappedText
from app.text.markup import is_ssml, parse_script
from app.text.normalise import normalise
from app.text.passages import Passage, Pause, Span, Style
from app.text.script import clean_script
from app.text.sentences import Break, find_words
from app.text.stretches import split_into_stretches
from app.text.words import TextWords

_SENTENCE_ENDS = ".!?…。！？"
_CLAUSE_ENDS = ",;:—–"
_ROUNDING = 1e-6
_FULL_GROWN = 2.0
"""From this scale on the pause at a line without a mark, none at 1, is as long as others."""
_CLOSERS = "\"'”’»)]}"


@dataclass(frozen=True, slots=True)
class Piece:
    """Holds a chunk of script, who speaks it, and how its sound is shaped."""

    text: str
    voice: str | None
    """None means the request's own voice."""
    shape: ChunkShape
    whole: TextWords = field(repr=False, compare=False)
    """It holds the words of the text that this is cut out of."""
    start: int
    """It is cut out here."""

    @property
    def words(self) -> tuple[SpokenWord, ...]:
        """Return what is spoken word by word, and what each stands for in the script."""
        return self.whole.within(self.start, self.start + len(self.text))


class Batch(NamedTuple):
    """Holds some pieces of a script, in order; after the last batch there are none."""

    pieces: tuple[Piece, ...]
    last: bool


@dataclass(frozen=True, slots=True)
class ScriptRules:
    """Says how a script is to be read.

    Attributes:
        voice_called: returns how the voice of that name is written, None if there is none, for
            lines like `[alba] Good morning.`
        lexicon_called: returns the dictionary that `<lexicon>` names, or raises DictionaryNotFound.
        lexicons: say how words are to be written before all else, the first before the others,
            and those that a script names before these.
        language: decides what numbers and abbreviations become, as a two-letter code.
        letters: tells which letters the model was taught; blocks at first.
        languages: what can be spoken here, for a script in letters that cannot be read.
        normalise: whether they are put into words at all.
        code: what becomes of blocks of code, where they are.
        formulas: what becomes of formulas, where they are.
        markup: says whether there may be any; else all of the script is spoken.
        prosody: shapes the whole request; markup composes with it.
        token_counter: makes a function that counts the tokens of pieces of a text.
        goes_on: whether more of the script follows, which wants a pause before it.
        ends_paragraph: whether what follows is a paragraph of its own.
        script_start: how many characters of the script came before.
        max_script_chars: how many characters the script may have.
        max_speech_seconds: how long it may sound, by `least_seconds`.
        spoken_before_seconds: for how long of that earlier parts of the same script count.
    """

    voice_called: Callable[[str], str | None]
    language: str
    letters: Callable[[], frozenset[str]]
    languages: Sequence[str]
    normalise: bool
    prosody: Prosody
    pause_scale: float
    max_chars: int
    max_tokens: int
    token_counter: Callable[[str], TokenCounter]
    max_script_chars: int
    max_speech_seconds: float
    code: CodeReading = "skip"
    formulas: FormulaReading = "say"
    lexicons: tuple[Lexicon, ...] = ()
    lexicon_called: Callable[[str], Lexicon] = no_lexicon
    markup: bool = True
    goes_on: bool = False
    ends_paragraph: bool = False
    script_start: int = 0
    spoken_before_seconds: float = 0.0


class ScriptReader:
    """Reads a script step by step into the pieces that are spoken.

    All that can be refused is refused before the first pieces come: the markup is read and the
    whole text put into words. Cutting it into pieces, which asks the model's tokenizer, goes on
    while they are spoken, and never fails.

    Attributes:
        lead_seconds: how much silence comes before the first piece; known with that.
        voices: the names in the markup, and None for the request's own voice; known with the first
            piece.
        left_out: what the model cannot read; known with the first piece.
    """

    def __init__(self, text: str, rules: ScriptRules) -> None:
        self._text = text
        self._rules = rules
        self.lead_seconds = 0.0
        self.voices: tuple[str | None, ...] = ()
        self.left_out: tuple[str, ...] = ()

    def steps(self) -> Iterator[Batch | None]:
        """Yield what each step has brought, which is None until all is checked.

        A step takes some hundredths of a second, and any thread may take the next one.

        Raises:
            NothingToSpeak, InvalidRequest: as `clean_script` and `parse_script`, or the prosody is
                out of range.
            TooLarge: the script has too many characters or too much markup, or lasts too long.
        """
        rules = self._rules
        script = clean_script(self._text, max_chars=rules.max_script_chars)
        script = _with_blocks_read(script, rules)
        passages: tuple[Passage, ...] = (Span.of(script, Style()),)
        if rules.markup:
            passages = parse_script(
                script,
                voice_called=rules.voice_called,
                lexicon_called=rules.lexicon_called,
                language=rules.language,
            )
        yield None
        sections: list[_Section | Pause] = []
        length = _Length(rules)
        check = LetterCheck(rules.letters(), rules.languages)
        for manner, group in groupby(passages, _manner):
            if manner is None:
                seconds = sum(each.seconds for each in group if isinstance(each, Pause))
                length.add(seconds)
                sections.append(Pause(seconds))
                continue
            section = _Section(manner[0], manner[1].within(rules.prosody), [])
            _check_prosody(section.prosody)
            sections.append(section)
            for span in group:
                assert isinstance(span, Span)
                mapped = yield from _respelt(span, rules, length)
                for stretch in split_into_stretches(mapped):
                    words = check.read(_spoken(stretch, span, rules))
                    section.words.append(words)
                    length.add(_least_seconds(words.text, section.prosody, rules))
                    yield None
        check.check()
        self.left_out = check.left_out
        spoken = [each for each in sections if isinstance(each, _Section) and each.is_spoken]
        self.voices = tuple(dict.fromkeys(section.voice for section in spoken))
        yield from self._batches(sections)

    def _batches(self, sections: Sequence[_Section | Pause]) -> Iterator[Batch]:
        """Cut the sections into pieces; the last of a batch waits for the pause that follows it."""
        last: Piece | None = None
        for section in sections:
            if isinstance(section, Pause):
                if last is None:
                    self.lead_seconds += section.seconds
                else:
                    last = _followed_by(last, section.seconds)
                continue
            for stretch in split_into_stretches(MappedText.join(section.words)):
                pieces = _pieces_of(stretch, section.voice, section.prosody, self._rules)
                held = [*([last] if last else []), *pieces]
                if held:
                    last = held.pop()
                if held:
                    yield Batch(tuple(held), last=False)
        if last is None:
            raise NothingToSpeak(
                f"{Parameter.TEXT} holds nothing that can be spoken", field=Parameter.TEXT
            )
        if isinstance(sections[-1], _Section):
            last = _before_what_follows(last, self._rules)
        yield Batch((last,), last=True)


@dataclass(frozen=True, slots=True)
class _Section:
    """Holds words, as parts of one text, that are spoken by one voice in one manner."""

    voice: str | None
    prosody: Prosody
    words: list[MappedText]

    @property
    def is_spoken(self) -> bool:
        return any(any(map(str.isalnum, part.text)) for part in self.words)


class _Length:
    """Adds up how long a script gets, in characters and seconds, and refuses one too long."""

    def __init__(self, rules: ScriptRules) -> None:
        self._most_grown_chars = rules.max_script_chars
        self._grown_chars = 0
        self._most_seconds = rules.max_speech_seconds
        self._seconds = rules.spoken_before_seconds

    def add(self, seconds: float) -> None:
        self._seconds += seconds
        if self._seconds > self._most_seconds:
            raise TooLarge(
                f"{Parameter.TEXT} would sound for more than the {self._most_seconds:g} seconds "
                "that one request may last here; ask for it in several requests",
                field=Parameter.TEXT,
            )

    def grow(self, chars: int) -> None:
        """Add what the pronunciations make of the script beyond its own characters."""
        self._grown_chars += chars
        if self._grown_chars > self._most_grown_chars:
            raise TooLarge(
                f"{Parameter.TEXT} would have more than twice the {self._most_grown_chars} "
                "characters allowed, once its words are written as the pronunciations say",
                field=Parameter.TEXT,
            )


def _least_seconds(words: str, prosody: Prosody, rules: ScriptRules) -> float:
    paragraphs = words.count("\n\n")
    pauses_seconds = paragraphs * pause_seconds(Boundary.PARAGRAPH, scale=rules.pause_scale)
    return least_seconds(words) / prosody.speed + pauses_seconds


def _manner(passage: Passage) -> tuple[str | None, Prosody] | None:
    """Return the voice and prosody of a span, None for a pause.

    Spans of one manner are read as one text, even if their border runs through a word.
    """
    return (passage.voice, passage.prosody) if isinstance(passage, Span) else None


def _respelt(span: Span, rules: ScriptRules, length: _Length) -> Generator[None, None, MappedText]:
    """Write words as the dictionaries say, in steps; return the text with its map to the script.

    Raises:
        InvalidRequest, TooLarge: a dictionary is not allowed, or makes the script far too long.
    """
    if span.verbatim:
        return span.mapped
    edits: list[Replacement] = []
    for found in replacements(span.text, (*span.lexicons, *rules.lexicons), rules.language):
        edits += found
        length.grow(sum(len(spoken) - (end - start) for start, end, spoken in found))
        yield None
    return span.mapped.edited(edits) if edits else span.mapped


def _spoken(stretch: MappedText, span: Span, rules: ScriptRules) -> MappedText:
    """Put a stretch of a span into words, and keep the white space around it."""
    if span.verbatim or not rules.normalise:
        return stretch
    return normalise(stretch, language=rules.language, code=rules.code, formulas=rules.formulas)


def _with_blocks_read(script: MappedText, rules: ScriptRules) -> MappedText:
    """Bring blocks of code in order, and leave thoughts out, before tags are looked for in them.

    Raises:
        NothingToSpeak: there is nothing else.
    """
    if not rules.normalise or (rules.markup and is_ssml(script.text)):
        return script
    plain = read_blocks(script, language=rules.language, code=rules.code).strip()
    if plain is not script and not any(map(str.isalnum, plain.text)):
        raise NothingToSpeak(
            f"{Parameter.TEXT} holds nothing that can be spoken beside thoughts and code, which "
            "is read where code is 'read'",
            field=Parameter.TEXT,
        )
    return plain


def _pieces_of(
    mapped: MappedText, voice: str | None, prosody: Prosody, rules: ScriptRules
) -> Iterator[Piece]:
    text = mapped.text
    if not any(map(str.isalnum, text)):
        return
    chunks = split_into_chunks(
        text,
        max_chars=rules.max_chars,
        count_tokens=rules.token_counter(text),
        max_tokens=rules.max_tokens,
        # In one chunk the model hardly pauses between short sentences, so that there is little to
        # stretch; to shorten, what it makes is enough, and costs no prefill.
        at_sentences=rules.pause_scale > 1,
    )
    end = _end_of_text(text, chunks[-1])
    words = TextWords(
        mapped,
        script_start=rules.script_start,
        ends_sentence=end in (Boundary.SENTENCE, Boundary.PARAGRAPH),
    )
    start = len(text) - len(text.lstrip())
    for chunk in chunks:
        boundary = end if chunk.boundary is Boundary.END else chunk.boundary
        shape = _shape(chunk.text, boundary, prosody, rules.pause_scale)
        yield Piece(chunk.text, voice, shape, words, start)
        start += len(chunk.text) + len(chunk.separator)


def _shape(text: str, boundary: Boundary, prosody: Prosody, scale: float) -> ChunkShape:
    # Without a mark a silence is none that the writer meant: it may go, but it does not grow.
    unmarked = min(1.0, scale)
    marked = scale <= 1 or any(word.after >= Break.CLAUSE for word in find_words(text)[:-1])
    grown = 1.0
    if 1 < scale < _FULL_GROWN and boundary is Boundary.SENTENCE and not _has_mark(text):
        # A line that ends without a mark is spoken on at 1, so that its pause grows from nothing.
        grown = (scale - 1) / (_FULL_GROWN - 1)
    return ChunkShape(
        prosody,
        grown * pause_seconds(boundary, scale=scale),
        scale_inside=scale if marked else unmarked,
        scale_after=unmarked if boundary is Boundary.WORD else grown * scale,
    )


def _has_mark(text: str) -> bool:
    mark = text.rstrip(_CLOSERS)[-1:]
    return bool(mark) and mark in _SENTENCE_ENDS + _CLAUSE_ENDS


def _check_prosody(prosody: Prosody) -> None:
    """Refuse prosody out of range: markup and controls may be in range each, but not together."""
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
