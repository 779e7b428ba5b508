"""This module gives out the finished sentences of a script that is still being written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from app.errors import InvalidRequest, Parameter, TooLarge
from app.lexicon import Lexicon, reaches_across
from app.text.blocks import find_blocks, half_mark_start, may_close
from app.text.markup import is_ssml
from app.text.opening import opening_end
from app.text.sentences import Break, find_words
from app.text.speaker_lines import find_speaker_tags
from app.text.unspoken import Stretch

_ROLE = re.compile(r"<role:", re.IGNORECASE)
# A sentence can end after one of these characters, once something follows it.
_POSSIBLE_GAP = re.compile(r"[\s\x1c-\x1f。！？｡」』）】”’、，；：—](?=\S)")
_LONG_CHARS = 1000
_LONG_GROWTH = 4
_BLOCK_GROWTH = 8
"""An open block is looked at again once it has grown by this part of itself."""
_CLOSER_CHARS = 40
_SENTENCE_MARKS = frozenset(".!?…:")
_MAX_INSIDE_PHRASES = 8
"""After so many ends of sentences inside phrases of a dictionary, more text is awaited."""


class ScriptFeed:
    """Takes text piece by piece and gives it out in passages of whole sentences.

    Pieces are joined as they are: the passages, joined, are the text that was added. A sentence is
    given out once the beginning of the one after it has been read, for before that nobody knows
    whether "3." goes on with "5" and "Dr." with a name. What one voice says in a dialogue is one
    passage, and so is SSML. Blocks of code and the thoughts of language models are not parted:
    they wait until they are closed, and thoughts go out at once then. The time is linear in the
    text, however small its pieces are.

    Args:
        max_chars: of the whole script.
        markup: whether it may name voices or be SSML.
        lexicons: returns dictionaries whose phrases, such as "Yahoo! Inc", are not parted.
        blocks: whether it may hold blocks of code, and thoughts.
    """

    def __init__(
        self,
        *,
        max_chars: int,
        markup: bool = True,
        lexicons: Callable[[], Sequence[Lexicon]] = tuple,
        blocks: bool = True,
    ) -> None:
        self._max_chars = max_chars
        self._markup = markup
        self._lexicons = lexicons
        self._blocks = blocks
        self._open_at: int | None = None
        """A block begins here that was not closed when the text was looked at."""
        self._may_close = False
        self._looked_at_chars = 0
        self._tail = ""
        self._added_chars = 0
        self._taken_chars = 0
        self._waiting = ""
        self._fresh: list[str] = []
        self._flushed_chars = 0
        self._marks_chars: int | None = None
        self._finished = False

    @property
    def exhausted(self) -> bool:
        """Tell whether all was taken and nothing more will come."""
        return self._finished and self._left_chars == 0

    @property
    def has_words(self) -> bool:
        """Tell whether there is a letter or digit in what was not taken yet."""
        return self._marks_chars is not None

    def add(self, text: str) -> None:
        """Add more of the script.

        Raises:
            TooLarge: the script is longer than one may be.
            InvalidRequest: it was finished before.
        """
        if self._finished and text:
            raise InvalidRequest(
                f"more of {Parameter.TEXT} came after it was said to be complete",
                field=Parameter.TEXT,
            )
        if self._added_chars + len(text) > self._max_chars:
            raise TooLarge(
                f"{Parameter.TEXT} has more than the {self._max_chars} characters allowed",
                field=Parameter.TEXT,
            )
        self._note_words(text, self._left_chars)
        self._added_chars += len(text)
        self._fresh.append(text)
        if self._open_at is not None:
            self._tail = self._tail[-_CLOSER_CHARS:] + text
            self._may_close = self._may_close or may_close(self._tail)

    def flush(self) -> None:
        """Let `take` give out what was added without waiting for the rest of a sentence."""
        self._flushed_chars = self._left_chars

    def release_opening(self, *, paused: bool) -> None:
        """Let `take` give out the first clause of the script, if it can be spoken well by itself.

        Call it after `take` has given out nothing. Dialogues and SSML are never parted so.

        Args:
            paused: as in `opening_end`.
        """
        if self._taken_chars or self._marks_chars is None or self._open_at is not None:
            return
        text = self._joined()
        if self._markup and (is_ssml(text) or _last_speaker(text) is not None):
            return
        end = opening_end(text, paused=paused)
        if end and not self._find_blocks(text) and not reaches_across(text, end, self._lexicons()):
            self._flushed_chars = max(self._flushed_chars, end)

    def finish(self) -> None:
        """Declare the script complete."""
        self._finished = True

    def take(self) -> str:
        """Return all that can be spoken now and was not taken before; empty if there is nothing."""
        end = self._left_chars
        if not self._finished:
            # Marks alone are no passage: they belong to what comes next.
            if self._marks_chars is None:
                return ""
            end = self._complete_chars()
            if end <= self._marks_chars:
                return ""
        text = self._joined()
        self._taken_chars += end
        self._flushed_chars = max(0, self._flushed_chars - end)
        self._open_at = None if self._open_at is None else self._open_at - end
        self._waiting, self._marks_chars = text[end:], None
        self._note_words(self._waiting, 0)
        return text[:end]

    @property
    def _left_chars(self) -> int:
        return self._added_chars - self._taken_chars

    def _note_words(self, text: str, before_chars: int) -> None:
        """Remember how many marks stand in front of the first letter or digit."""
        if self._marks_chars is None:
            first = next((index for index, char in enumerate(text) if char.isalnum()), None)
            self._marks_chars = None if first is None else before_chars + first

    def _joined(self) -> str:
        self._waiting += "".join(self._fresh)
        self._fresh.clear()
        return self._waiting

    def _complete_chars(self) -> int:
        """Return how much may be given out: what was flushed, or whole sentences."""
        end = self._flushed_chars
        if self._open_at is not None:
            if not self._is_worth_closing():
                return max(min(end, self._open_at), self._complete_before(self._open_at))
            text = self._joined()
            blocks = self._find_blocks(text)
            if blocks and blocks[0].closed and not text[: blocks[0].start].strip():
                return max(end if self._open_at is None else 0, blocks[0].end)
            return (
                min(end, self._open_at)
                if self._open_at is not None
                else max(end, self._sentences_end())
            )
        if end:
            text = self._joined()
            self._find_blocks(text)
            end = min(end, half_mark_start(text) if self._open_at is None else self._open_at)
            if end < self._left_chars and self._open_at is None:
                end = max(end, self._sentences_end())
        elif self._is_worth_a_look():
            end = self._sentences_end()
        return end

    def _complete_before(self, block_start: int) -> int:
        """Return where an open block starts if a sentence or a line ends in front of it."""
        before = self._waiting[max(0, block_start - _CLOSER_CHARS) : block_start]
        ends = before.endswith("\n") or before.rstrip()[-1:] in _SENTENCE_MARKS
        return block_start if before.strip() and ends else 0

    def _find_blocks(self, text: str) -> list[Stretch]:
        """Return the blocks in the text that waits, and note where one is open."""
        blocks = find_blocks(text) if self._blocks else []
        self._open_at = blocks[-1].start if blocks and not blocks[-1].closed else None
        self._may_close, self._tail = False, text[-_CLOSER_CHARS:]
        self._looked_at_chars = len(text)
        return blocks

    def _is_worth_closing(self) -> bool:
        """Tell whether the open block can have ended since the last look, which takes its time."""
        grown = self._left_chars - self._looked_at_chars
        long = self._looked_at_chars > _LONG_CHARS
        return self._may_close and (not long or grown * _BLOCK_GROWTH >= self._looked_at_chars)

    def _is_worth_a_look(self) -> bool:
        """Tell whether a sentence can have ended in what came since the last look.

        Looking takes as long as the text that waits is, so where that is long it is looked at only
        after it has grown by a part of itself.
        """
        looked_at = len(self._waiting)
        fresh_chars = self._left_chars - looked_at
        if looked_at > _LONG_CHARS and fresh_chars * _LONG_GROWTH < looked_at:
            return False
        text = self._joined()
        return _POSSIBLE_GAP.search(text, max(0, looked_at - 1)) is not None

    def _sentences_end(self) -> int:
        """Return where the last sentence ends that is certainly complete."""
        text = self._waiting
        if self._markup and is_ssml(text):
            return 0
        if self._markup and (dialogue_end := _last_speaker(text)) is not None:
            return dialogue_end
        blocks = self._find_blocks(text)
        words = find_words(text)
        # The last word may still grow, and those before it decide about the gap in front of them.
        spoken_ahead = False
        lexicons, inside_phrases = self._lexicons(), 0
        for word, following in reversed(list(pairwise(words[:-1]))):
            spoken_ahead = spoken_ahead or any(
                map(str.isalnum, text[following.start : following.end])
            )
            while blocks and blocks[-1].start >= following.start:
                blocks.pop()
            whole = not blocks or (blocks[-1].closed and blocks[-1].end <= following.start)
            if spoken_ahead and word.after >= Break.SENTENCE and whole:
                if not reaches_across(text, following.start, lexicons):
                    return following.start
                inside_phrases += 1
                if inside_phrases == _MAX_INSIDE_PHRASES:
                    break
        return 0


def _last_speaker(text: str) -> int | None:
    """Return where the last voice is named: what stands in front of that is complete."""
    speakers = find_speaker_tags(text, voice_called=lambda name: name)
    starts = [*(tag.start for tag in speakers), *(found.start() for found in _ROLE.finditer(text))]
    return max(starts, default=None)
