"""Holds pronunciations, and finds the words in a text that are to be written differently.

A pronunciation says how a word or a phrase is written so that the model says it right. What is
written in its place is text like any other, but no pronunciation is looked for in that.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import regex

from app.errors import DictionaryNotFound, InvalidRequest, Parameter, TooLarge, shortened

MAX_WRITTEN_CHARS = 100
"""A word or phrase has at most so many characters; the time to find some grows with it."""
MAX_SPOKEN_CHARS = 500
MAX_PRONUNCIATIONS = 10_000
"""A request, a dictionary and a file may have so many each."""
LANGUAGES = ("en", "fr", "de", "pt", "it", "es", "nl")

_WINDOW_CHARS = 2000
_INVISIBLE = re.compile(r"[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
_NO_TEXT = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"\s{2,}|[^\S ]")
_SAME = str.maketrans(
    {**dict.fromkeys("\u2018\u2019\u02bc\uff07", "'"), "\u2010": "-", "\u2011": "-"}
)
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_JOINER = "\u200d"
# Where a word stands in one of these, it is not spoken or belongs to a whole: the address of a web
# page, the target of a link, an e-mail address, a tag, a character reference.
_NO_WORDS = re.compile(
    r"https?://[^\s<>\"]*[\w/]|\bwww\.[^\s<>\"]*[\w/]|(?<=\])\([^()\n]{0,500}\)"
    r"|(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+"
    r"|</?[A-Za-z][^<>\n]{0,300}>|&(?:[A-Za-z][A-Za-z0-9]{1,30}|#\w{1,7});",
    re.IGNORECASE,
)

Replacement: TypeAlias = tuple[int, int, str]
"""It puts a string in the place of the characters from a start to an end."""


class Pronunciation(NamedTuple):
    """Says how a word or phrase is written so that it is spoken as it should be.

    Attributes:
        written: as it stands in texts; white space in it stands for any.
        spoken: what is spoken in its place.
        language: a two-letter code; None is every language.
        case_sensitive: whether capitals and small letters differ.
        whole_words: whether it must not be a part of a longer word.
    """

    written: str
    spoken: str
    language: str | None = None
    case_sensitive: bool = False
    whole_words: bool = True

    @property
    def key(self) -> tuple[str, str | None, bool, bool]:
        """Return what differs between any two of a dictionary."""
        written = _canonical(self.written)
        return (
            written if self.case_sensitive else _folded(written),
            self.language,
            self.case_sensitive,
            self.whole_words,
        )

    @property
    def word(self) -> str:
        """Return what it is for, in the form in which words are the same whatever their case."""
        return folded_word(self.written)


def folded_word(written: str) -> str:
    """Write a word in the form in which it is the same whatever its case."""
    return _folded(_canonical(written))


def checked(pronunciation: Pronunciation) -> Pronunciation:
    """Return a pronunciation in the form in which texts are compared, or refuse it.

    Raises:
        ValueError: something in it is not allowed; the message says what.
    """
    written = _text(pronunciation.written, "the word", MAX_WRITTEN_CHARS)
    shown = repr(shortened(written, 40))
    spoken = _text(pronunciation.spoken, f"what is spoken for {shown}", MAX_SPOKEN_CHARS)
    if not any(map(str.isalnum, spoken)):
        raise ValueError(f"what is spoken for {shown} has neither a letter nor a digit")
    language = pronunciation.language
    if language is not None and language not in LANGUAGES:
        raise ValueError(
            f"the language of {shown} must be one of {', '.join(LANGUAGES)}; "
            f"it is {shortened(language, 40)!r}"
        )
    return pronunciation._replace(written=written, spoken=spoken)


def _text(text: str, what: str, max_chars: int) -> str:
    if len(text) > max_chars:
        raise ValueError(f"{what} has {len(text)} characters; at most {max_chars} are allowed")
    if _NO_TEXT.search(text):
        raise ValueError(f"{what} holds a control character, or what is no character")
    text = _plain(text)
    if not text:
        raise ValueError(f"{what} is empty")
    return text


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(_INVISIBLE.sub("", text).split()))


class _Table(NamedTuple):
    """Holds the pronunciations of one kind, to be looked up by the characters of a text."""

    folded: bool
    whole_words: bool
    spoken: Mapping[str, str]
    lengths: Mapping[str, Sequence[int]]
    """Those that begin with a character have one of these lengths, the longest first."""


class _Phrases(NamedTuple):
    in_order: Sequence[str]
    known: frozenset[str]

    def begin_with(self, text: str, *, at_least_chars: int) -> bool:
        """Tell whether a text begins with a phrase of so many characters, or is one's beginning."""
        first = bisect_left(self.in_order, text)
        if first < len(self.in_order) and self.in_order[first].startswith(text):
            return True
        return any(text[:chars] in self.known for chars in range(at_least_chars, len(text) + 1))


class Lexicon:
    """Holds pronunciations that belong together. It is made ready when it is first looked into.

    Args:
        pronunciations: of two for the same, the later one counts.
    """

    def __init__(self, pronunciations: Iterable[Pronunciation] = ()) -> None:
        self.pronunciations = tuple(pronunciations)
        self._tables: dict[str, tuple[_Table, ...]] = {}
        self._phrases: _Phrases | None = None

    def __bool__(self) -> bool:
        return bool(self.pronunciations)

    def tables(self, language: str) -> tuple[_Table, ...]:
        """Return what holds in a language: what is for it alone first, and what is exact first.

        Raises:
            InvalidRequest: a pronunciation is not allowed.
            TooLarge: there are too many.
        """
        if language not in self._tables:
            self._tables[language] = tuple(self._made(language))
        return self._tables[language]

    @property
    def phrases(self) -> _Phrases:
        """Return the pronunciations of more than one word, in small letters."""
        if self._phrases is None:
            written = (_folded(_canonical(each.written)) for each in self.pronunciations)
            known = frozenset(each for each in written if " " in each)
            self._phrases = _Phrases(sorted(known), known)
        return self._phrases

    def _made(self, language: str) -> Iterator[_Table]:
        if len(self.pronunciations) > MAX_PRONUNCIATIONS:
            raise TooLarge(
                f"{Parameter.PRONUNCIATIONS} has {len(self.pronunciations)} entries; at most "
                f"{MAX_PRONUNCIATIONS} are allowed",
                field=Parameter.PRONUNCIATIONS,
            )
        kinds: dict[tuple[bool, bool, bool], dict[str, str]] = defaultdict(dict)
        for each in self.pronunciations:
            try:
                written, spoken, its_language, exact, whole_words = checked(each)
            except ValueError as wrong:
                raise InvalidRequest(
                    f"{Parameter.PRONUNCIATIONS}: {wrong}", field=Parameter.PRONUNCIATIONS
                ) from None
            if its_language in (None, language):
                written = _canonical(written)
                kind = (its_language is None, not exact, not whole_words)
                kinds[kind][written if exact else _folded(written)] = spoken
        for (_, folded, parts), spoken_for in sorted(kinds.items(), key=lambda kind: kind[0]):
            lengths: dict[str, set[int]] = defaultdict(set)
            for written in spoken_for:
                lengths[written[0]].add(len(written))
            yield _Table(
                folded,
                not parts,
                spoken_for,
                {first: sorted(each, reverse=True) for first, each in lengths.items()},
            )


def no_lexicon(name: str) -> Lexicon:
    """Refuse the name of a dictionary, where there are none.

    Raises:
        DictionaryNotFound: always.
    """
    raise DictionaryNotFound(f"there is no dictionary {shortened(name)!r}")


def replacements(
    text: str, lexicons: Sequence[Lexicon], language: str
) -> Iterator[list[Replacement]]:
    """Yield what is to be put in the place of what, in order and without overlap, part by part.

    From left to right the longest word or phrase counts; of several for the same, that of the
    first lexicon. Inside addresses, tags and the like nothing counts but what is all of it.

    Takes time linear in the text, times the number of different lengths that pronunciations have,
    which is a hundred at most. A part is some thousand characters.

    Args:
        language: of the text, as a two-letter code.

    Raises:
        InvalidRequest, TooLarge: as `Lexicon.tables`.
    """
    tables = [table for lexicon in lexicons for table in lexicon.tables(language)]
    if not tables:
        return
    sought = _Sought(text)
    at, done = 0, 0
    while at < len(sought.plain):
        window_end = at + _WINDOW_CHARS
        found: list[Replacement] = []
        while at < min(window_end, len(sought.plain)):
            end, spoken, whole_words = _longest(sought, at, tables)
            no_words_end = sought.no_words_end(at)
            if end == at or end < no_words_end:
                at = max(at + 1, no_words_end)
                continue
            start_there, end_there = sought.place(at), sought.place(end - 1) + 1
            if whole_words:
                spoken = _set_apart(text, start_there, end_there, spoken, touches=done)
            found.append((start_there, end_there, spoken))
            at, done = end, end_there
        yield found


def reaches_across(text: str, at: int, lexicons: Sequence[Lexicon]) -> bool:
    """Tell whether a phrase begins before a place and ends after it, or may once more text comes.

    Args:
        text: as far as it is known.
        at: between two words.
    """
    phrases = [lexicon.phrases for lexicon in lexicons if lexicon.phrases.known]
    if not phrases:
        return False
    # Some white space in a row counts as one, so that a phrase may be longer in the text.
    before = _Sought(text[max(0, at - 2 * MAX_WRITTEN_CHARS) : at].rstrip()).folded
    after = _Sought(text[at : at + 2 * MAX_WRITTEN_CHARS].strip()).folded
    known = f"{before} {after}"
    return any(
        each.begin_with(
            known[start : start + MAX_WRITTEN_CHARS], at_least_chars=len(before) + 2 - start
        )
        for start in range(max(0, len(before) - MAX_WRITTEN_CHARS), len(before))
        if not _goes_on(known, start)
        for each in phrases
    )


def _longest(sought: _Sought, start: int, tables: Sequence[_Table]) -> tuple[int, str, bool]:
    """Return where the longest word ends that begins at a place, what is spoken for it, and how."""
    plain, folded = sought.plain, sought.folded
    best, best_spoken, best_whole = start, "", True
    inside: bool | None = None
    for table in tables:
        text = folded if table.folded else plain
        lengths = table.lengths.get(text[start], ())
        if lengths and table.whole_words:
            inside = _goes_on(plain, start) if inside is None else inside
            if inside:
                continue
        for chars in lengths:
            end = start + chars
            if end <= best:
                break
            spoken = table.spoken.get(text[start:end])
            if spoken is None or len(text) < end:
                continue
            if not (table.whole_words and _goes_on(plain, end)):
                best, best_spoken, best_whole = end, spoken, table.whole_words
                break
    return best, best_spoken, best_whole


class _Sought:
    """Holds a text as it is searched: what looks alike is the same, white space in a row is one.

    A blank line stays a line feed, which is in no pronunciation.
    """

    def __init__(self, text: str) -> None:
        self._starts: list[int] = [0]
        self._shifts: list[int] = [0]
        pieces: list[str] = []
        done = 0
        for found in _SPACES.finditer(text):
            pieces += text[done : found.start()], "\n" if found[0].count("\n") > 1 else " "
            done = found.end()
            if len(found[0]) > 1:
                self._shifts.append(self._shifts[-1] + len(found[0]) - 1)
                self._starts.append(done - self._shifts[-1])
        pieces.append(text[done:])
        self.plain = "".join(pieces).translate(_SAME)
        self.folded = _folded(self.plain)
        self._no_words = _NO_WORDS.finditer(self.plain)
        self._next = next(self._no_words, None)

    def no_words_end(self, at: int) -> int:
        """Return where what begins at a place ends, if no word in it counts; places only grow."""
        while self._next is not None and self._next.start() < at:
            self._next = next(self._no_words, None)
        return self._next.end() if self._next is not None and self._next.start() == at else 0

    def place(self, at: int) -> int:
        """Return where in the text a character is that is no white space."""
        return at + self._shifts[bisect_right(self._starts, at) - 1]


def _canonical(written: str) -> str:
    """Write a word as `_Sought` has texts."""
    return _plain(written).translate(_SAME)


def _folded(text: str) -> str:
    """Write a text in small letters, each for one character."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(each if len(each.lower()) > 1 else each.lower() for each in text)


def _goes_on(text: str, at: int) -> bool:
    """Tell whether a word goes on across a place.

    An apostrophe inside a word belongs to it ("don't"), but a possessive "'s" does not, nor does
    an article in front of one ("l'", "d'").
    """
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after)[0] == "M":
        return True
    if not _in_word(before):
        return False
    if after == "'":
        following, beyond = text[at + 1 : at + 2], text[at + 2 : at + 3]
        possessive = following in ("s", "S") and not (beyond and _in_word(beyond))
        return following.isalpha() and not possessive
    if not _in_word(after):
        return False
    return not (_UNSPACED.match(before) or _UNSPACED.match(after))


def _in_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char)[0] == "M"


def _set_apart(text: str, start: int, end: int, spoken: str, *, touches: int) -> str:
    """Put spaces around words where they would run into others, as in "5%".

    Args:
        touches: where the replacement before ends, which may have ended with a letter.
    """
    if start and spoken[0].isalnum() and (text[start - 1].isalnum() or touches == start):
        spoken = f" {spoken}"
    if spoken[-1].isalnum() and text[end : end + 1].isalnum():
        spoken = f"{spoken} "
    return spoken
