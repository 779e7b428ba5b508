"""This module describes a script whose markup has been read, as spoken spans and pauses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from app.errors import InvalidRequest, NothingToSpeak, Parameter, TooLarge
from app.lexicon import Lexicon
from app.speech import Prosody
from app.text.mapped import MappedText

MAX_PAUSES_SECONDS = 600.0
"""All pauses of a script together may last at most this long."""

MAX_PARTS = 10_000
"""A script may have at most this many spans and pauses."""

_NOTHING = MappedText("")
_OPENERS = "([{\"'“‘„‚«‹¿¡*_"
_CLOSERS = ")]}\"'”’»›*_"
_NO_SPACE_BEFORE = ",.;:!?…)]}”»\n"
_PUNCTUATION = re.compile(r"[\s.,;:!?…\"'“”„‘’‚«»‹›()\[\]{}¿¡—–-]*")


@dataclass(frozen=True, slots=True)
class Style:
    """Says how a stretch of text is to be spoken."""

    voice: str | None = None
    """The voice has this name; None is the request's own."""
    prosody: Prosody = Prosody()  # noqa: RUF009 - frozen, so that all may share one
    verbatim: bool = False
    """The text is in its spoken form already: it is not to be normalised again."""
    lexicons: tuple[Lexicon, ...] = ()
    """These hold for the words in it, the first before the others."""


@dataclass(frozen=True, slots=True)
class Span:
    """Holds text that is spoken in one voice and one manner.

    White space at its edges separates it from its neighbours: joined, the spans between two
    pauses are readable text. Blank lines separate paragraphs.
    """

    text: str
    voice: str | None = None
    prosody: Prosody = Prosody()  # noqa: RUF009 - frozen, so that all may share one
    verbatim: bool = False
    lexicons: tuple[Lexicon, ...] = ()
    mapped: MappedText = field(default=_NOTHING, repr=False, compare=False)
    """The same text, with its map to the script."""

    @classmethod
    def of(cls, mapped: MappedText, style: Style) -> Span:
        """Make a span of text that has a map."""
        return cls(mapped.text, style.voice, style.prosody, style.verbatim, style.lexicons, mapped)

    def saying(self, mapped: MappedText) -> Span:
        """Return a span with another text, in the same voice and manner."""
        return replace(self, text=mapped.text, mapped=mapped)


@dataclass(frozen=True, slots=True)
class Pause:
    """Stands for silence that the script asks for, in place of the usual pause."""

    seconds: float


Passage: TypeAlias = Span | Pause


class PassageBuilder:
    """Collects the pieces of a script, from left to right.

    Text of like style becomes one span; punctuation and white space stay with the word they
    follow; pauses in a row add up; white space at the ends and beside pauses goes.
    """

    def __init__(self) -> None:
        self._parts: list[Passage] = []
        self._style = Style()
        self._pieces: list[MappedText] = []
        self._leading = _NOTHING
        self._pauses_seconds = 0.0
        self._joint: bool | None = None
        """A removed tag stands here, with (True) or without white space before it."""

    @property
    def at_white_space(self) -> bool:
        """Tell whether white space added now would change nothing."""
        tail = (self._pieces[-1] if self._pieces else self._leading).text
        return not tail or tail[-1].isspace()

    def text(self, text: MappedText, style: Style) -> None:
        """Add text; its white space is kept."""
        if self._joint is not None:
            text = self._mend(text)
        if not text:
            return
        if _PUNCTUATION.fullmatch(text.text):
            if self._pieces:
                self._pieces.append(text)
            else:
                self._leading = MappedText.join((self._leading, text))
            return
        if self._pieces and style != self._style:
            self._close_span()
        if not self._pieces:
            text, self._leading = MappedText.join((self._leading, text)), _NOTHING
        self._style = style
        self._pieces.append(text)

    def removed_tag(self) -> None:
        """Note that something unspoken was taken out, so that words on both sides stay apart."""
        if self._joint is None:
            self._joint = self.at_white_space
            self._trim(" \t")

    def pause(self, seconds: float) -> None:
        """Add a pause; none at all if it lasts no time."""
        if seconds == 0:
            self.removed_tag()
            return
        self._joint = None
        self._close_span()
        self._pauses_seconds += seconds
        if self._pauses_seconds > MAX_PAUSES_SECONDS:
            raise InvalidRequest(
                f"the pauses in {Parameter.TEXT} last more than {MAX_PAUSES_SECONDS:.0f} seconds "
                "together; ask for the speech in several requests",
                field=Parameter.TEXT,
            )
        last = self._parts[-1] if self._parts else None
        if isinstance(last, Pause):
            self._parts[-1] = Pause(last.seconds + seconds)
        else:
            self._append(Pause(seconds))

    def end_sentence(self) -> None:
        """End a sentence here, with a full stop where the text has no mark of its own."""
        if not self._pieces or self._pieces[-1].text.endswith("\n"):
            return
        self._trim()
        words = (piece.text.rstrip(_CLOSERS) for piece in reversed(self._pieces))
        spoken = next(filter(None, words), "")
        self._put_in(". " if spoken[-1:].isalnum() else " ")

    def end_paragraph(self) -> None:
        """End a paragraph here."""
        self._trim()
        if self._pieces:
            self._put_in("\n\n")

    def passages(self) -> tuple[Passage, ...]:
        """Return all that was added.

        Raises:
            NothingToSpeak: there is no word in it.
        """
        self._close_span()
        if not any(isinstance(part, Span) and _has_word(part.text) for part in self._parts):
            raise NothingToSpeak(
                f"{Parameter.TEXT} holds nothing that can be spoken: "
                "no letter and no digit beside its tags",
                field=Parameter.TEXT,
            )
        last = self._parts[-1]
        if isinstance(last, Span):
            self._parts[-1] = last.saying(last.mapped.rstrip())
        return tuple(self._parts)

    def _put_in(self, text: str) -> None:
        """Add text that does not stand in the script, after a piece that does."""
        self._pieces[-1] = MappedText.join((self._pieces[-1], text))

    def _mend(self, mapped: MappedText) -> MappedText:
        """Return the text after a removed tag with the white space that belongs in front of it."""
        text, stripped = mapped.text, mapped.lstrip(" \t")
        body = stripped.text
        spaced = self._joint or len(body) < len(text)
        if not body:
            self._joint = spaced
            return _NOTHING
        before = (self._pieces[-1] if self._pieces else self._leading).text[-1:]
        apart = spaced or (before.isalnum() and body[0].isalnum())
        opened = before in _OPENERS and not self._joint
        unwanted = not before or before.isspace() or opened or body[0] in _NO_SPACE_BEFORE
        self._joint = None
        return MappedText.join((" ", stripped)) if apart and not unwanted else stripped

    def _trim(self, characters: str | None = None) -> None:
        """Take white space off the end of the text so far."""
        while self._pieces:
            self._pieces[-1] = self._pieces[-1].rstrip(characters)
            if self._pieces[-1]:
                return
            self._pieces.pop()
        self._leading = self._leading.rstrip(characters)

    def _close_span(self) -> None:
        text = MappedText.join(self._pieces) or self._leading
        self._pieces, self._leading = [], _NOTHING
        if not self._parts or isinstance(self._parts[-1], Pause):
            text = text.lstrip()
        if text.strip():
            self._append(Span.of(text, self._style))

    def _append(self, part: Passage) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(part, Pause) and isinstance(last, Span):
            self._parts[-1] = last.saying(last.mapped.rstrip())
        if len(self._parts) >= MAX_PARTS:
            raise TooLarge(
                f"the markup of {Parameter.TEXT} cuts it into more than {MAX_PARTS} parts; "
                "ask for the speech in several requests",
                field=Parameter.TEXT,
            )
        self._parts.append(part)


def _has_word(text: str) -> bool:
    return any(map(str.isalnum, text))
