"""Decides whether a take is served, is spoken again, is parted in two, or ends the speech."""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from app.engine.takes.faults import (
    FAULTS,
    LEAST_LOOK,
    LEAST_WORDS_LOOKED_AT,
    Fault,
    fault_of_sound,
    is_finite,
)
from app.engine.takes.pace import Pace
from app.speech import SPEECH_RATE_HZ, Pcm
from app.speech_engine import TakeCounts

PIECES_BEFORE_TRUST = 8
PIECES_ON_TRIAL = 16
TRUSTED_SHARE = 0.9
"""A model is held to what good speech is once it has spoken so many good pieces, which are this
part of its first ones at least. Weights without training do not; the preview's were all good."""

Verdict: TypeAlias = Literal["served", "again", "parted", "refused"]

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’)]*\s+")
_CLAUSE_END = re.compile(r"[,;:—–，；：][\"'”’)]*\s+")
_SPACE = re.compile(r"\s+")
_BORDERS = ((_SENTENCE_END, 0.4), (_CLAUSE_END, 0.3), (_SPACE, 0.5))
"""Kinds of borders, the best first, and how far from the middle one may be in parts of the text."""


@dataclass(frozen=True, slots=True)
class Take:
    """Holds what is judged.

    Attributes:
        voice: stands for the voice; its pace is learned.
        least_flux: how little the spectrum changed over a second, as `Flux` has it.
        ended: whether the model ended it by itself.
        own_end: whether it ends where the model says so, not where the caller set how.
        repeatable: whether the caller gave a seed, so that the same must come of it every time:
            what was learned meanwhile must not count.
        look: how much the model looked at the last words; None if nobody watched.
    """

    text: str
    voice: object
    pcm: Pcm
    least_flux: float
    ended: bool
    own_end: bool
    repeatable: bool
    look: float | None = None


class TakeJudge:
    """Judges the takes of one model and counts what became of them. Thread-safe.

    Attributes:
        trusted: whether the model is known to speak well, or has been heard to, so that it is
            held to it.

    Args:
        most_takes: how often a piece is spoken at most.
        proven: whether it is known from the start.
    """

    def __init__(self, most_takes: int, *, proven: bool = False) -> None:
        self.most_takes = most_takes
        self._proven = proven
        self._pace = Pace()
        self._lock = threading.Lock()
        self._good = 0
        self._bad = 0
        self.trusted = proven
        self._counts = TakeCounts(by_fault=dict.fromkeys(FAULTS, 0))

    def counts(self) -> TakeCounts:
        """Return what became of the takes so far."""
        with self._lock:
            by_fault = dict(self._counts.by_fault)
            return replace(self._counts, by_fault=by_fault, judged=self.trusted)

    def fault_of(self, take: Take) -> Fault | None:
        """Name what is wrong with a take; None if it is good, or the model is not held to that."""
        if not is_finite(take.pcm):
            return "not finite"
        fault = self._fault_of_speech(take)
        with self._lock:
            held = self._holds(repeatable=take.repeatable)
            heard = self._good + self._bad
            if take.own_end and not self.trusted and heard < PIECES_ON_TRIAL:
                self._good += fault is None
                self._bad += fault is not None
                well = self._good >= TRUSTED_SHARE * (heard + 1)
                self.trusted = well and self._good >= PIECES_BEFORE_TRUST
        if fault is None and take.own_end:
            self._pace.learn(take.voice, take.text, len(take.pcm) / SPEECH_RATE_HZ)
        return fault if held else None

    def heeds(self, fault: Fault, *, repeatable: bool) -> bool:
        """Tell whether a take that goes on is given up for a fault.

        Args:
            repeatable: as in `Take`.
        """
        return fault == "not finite" or (self.most_takes > 1 and self._holds(repeatable=repeatable))

    def _holds(self, *, repeatable: bool) -> bool:
        """Tell whether a take is held to what good speech is.

        What a caller wants to be the same every time must not hang on what was heard before.
        """
        return self._proven or (self.trusted and not repeatable)

    def _fault_of_speech(self, take: Take) -> Fault | None:
        if take.own_end and not take.ended:
            return "no end"
        fault = fault_of_sound(take.pcm, take.least_flux, own_end=take.own_end)
        if fault is not None:
            return fault
        voice = None if take.repeatable else take.voice
        seconds = len(take.pcm) / SPEECH_RATE_HZ
        if take.own_end and not self._pace.fits(voice, take.text, seconds):
            return "duration"
        # Nobody knows where to look before the first request for times.
        if take.repeatable or take.look is None or len(take.text.split()) < LEAST_WORDS_LOOKED_AT:
            return None
        return None if take.look >= LEAST_LOOK else "words left out"

    def verdict(self, take: int, *, changes: bool, border: int | None, recallable: bool) -> Verdict:
        """Say what becomes of a bad take.

        Args:
            take: how many takes of the same text there were before.
            changes: whether another seed gives other speech.
            border: where its text can be parted; None if it cannot.
            recallable: whether nobody has heard any of it.
        """
        if not recallable:
            return "refused"
        if changes and take + 1 < self.most_takes:
            return "again"
        return "refused" if border is None else "parted"

    def count_good(self) -> None:
        """Count a take that is served."""
        with self._lock:
            self._counts.spoken += 1

    def count(self, verdict: Verdict, fault: Fault) -> None:
        """Count what becomes of a bad take."""
        with self._lock:
            self._counts.spoken += 1
            self._counts.by_fault[fault] += 1
            self._counts.redone += verdict == "again"
            self._counts.parted += verdict == "parted"
            self._counts.refused += verdict == "refused"


def best_border(text: str) -> int | None:
    """Return where a text is best parted in two: the place after the white space; None if nowhere.

    The end of a sentence is better than that of a clause, and that better than a space, if it is
    not near an edge; among equals the one nearest to the middle.
    """
    middle = len(text) / 2
    for kind, reach in _BORDERS:
        borders = [
            match.end()
            for match in kind.finditer(text)
            if abs(match.end() - middle) <= reach * len(text)
            and any(map(str.isalnum, text[: match.start() + 1]))
            and any(map(str.isalnum, text[match.end() :]))
        ]
        if borders:
            return min(borders, key=lambda border: abs(border - middle))
    return None
