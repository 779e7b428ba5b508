"""Hands on the sound of takes as they are spoken, and says what becomes of one that is bad."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic

from app.engine.sequence import RowT, Sequence
from app.engine.takes.faults import Fault
from app.engine.takes.policy import Take, TakeJudge, best_border
from app.errors import TakesRefused
from app.speech import Frames, Pcm, WordTime
from app.speech_engine import VoiceState

logger = logging.getLogger(__name__)

_SAID: dict[Fault, str] = {
    "not finite": "the sound has samples that are not numbers",
    "no end": "it came to no end",
    "duration": "it lasted longer or shorter than the text can",
    "silence": "there was silence in its place",
    "clipping": "it was distorted",
    "stuck": "a tone was held",
    "words left out": "the last words were left out",
}


class Takes(Generic[RowT]):
    """Stands between the codec and the streams of all jobs.

    Attributes:
        judge: judges the takes and counts them.

    Args:
        eos_threshold: the model's own; with another one the caller sets how a take ends.
        faded_out: lets the end of a sound go to nothing.
        kept_of: returns what is the same object each time that a voice speaks; its pace is learned.
    """

    def __init__(
        self,
        judge: TakeJudge,
        *,
        eos_threshold: float,
        faded_out: Callable[[Pcm], Pcm],
        kept_of: Callable[[VoiceState], object],
    ) -> None:
        self.judge = judge
        self._eos_threshold = eos_threshold
        self._faded_out = faded_out
        self._kept_of = kept_of

    def hand_on(self, sequence: Sequence[RowT], pcm: Pcm, *, last: bool) -> None:
        """Deliver PCM of a take; the last of it only if the take is good.

        What is wrong with it becomes the sequence's fault. Judging takes a millisecond and more:
        not to be called with the lock held.
        """
        if sequence.fault is not None:
            return
        sampling = sequence.job.sampling
        fault = sequence.hearing.hear(pcm)
        if fault and self.judge.heeds(fault, repeatable=sampling.seed is not None):
            sequence.fault = fault
            return
        words = () if sequence.aligner is None else sequence.aligner.advance(pcm)
        if last:
            words += () if sequence.aligner is None else sequence.aligner.finish()
            sequence.fault = self._fault_of(sequence)
            if sequence.fault is not None:
                return
            sequence.part_over = len(sequence.parts) > 1
            sequence.closed = not sequence.part_over
            if sequence.part_over:
                pcm = self._faded_out(pcm)
        stream, part = sequence.job.stream, sequence.parts[0]
        words = tuple(_later(word, part.start, sequence.before_seconds) for word in words)
        stream.deliver(Frames(sequence.index, pcm, sequence.closed, words))
        if last:
            stream.settle(sequence.index)

    def _fault_of(self, sequence: Sequence[RowT]) -> Fault | None:
        """Judge a take that is over; None if it is to be served."""
        if sequence.row is None:  # there was nothing to say
            return None
        sampling, hearing = sequence.job.sampling, sequence.hearing
        fault = self.judge.fault_of(
            Take(
                sequence.parts[0].text,
                self._kept_of(sequence.chunk.voice),
                hearing.pcm,
                hearing.least_flux,
                ended=not sequence.reached_maximum,
                own_end=sampling.eos_threshold == self._eos_threshold
                and sampling.frames_after_eos is None,
                repeatable=sampling.seed is not None,
                look=None if sequence.look is None else sequence.look(sequence.emitted),
            )
        )
        if fault is None:
            self.judge.count_good()
        elif fault != "not finite" and self.judge.most_takes == 1:
            self.judge.count("served", fault)
            return None
        return fault

    def answer(self, sequence: Sequence[RowT], fault: Fault) -> TakesRefused | None:
        """Make a bad take's chunk ready for another; return the error that ends its job instead.

        Called with the lock held.
        """
        job, text = sequence.job, sequence.parts[0].text
        border = best_border(text) if len(sequence.parts) == 1 and not sequence.parted else None
        verdict = self.judge.verdict(
            sequence.part_takes,
            changes=job.sampling.temperature > 0,
            border=border,
            recallable=job.stream.take_back(sequence.index),
        )
        self.judge.count(verdict, fault)
        logger.debug("a take of %d characters: %s, %s", len(text), fault, verdict)
        if verdict == "refused":
            logger.warning("speech was refused after %d takes: %s", sequence.takes + 1, fault)
            return TakesRefused(f"the model did not speak this well: {_SAID[fault]}")
        if verdict == "parted" and border is not None:
            sequence.part(border)
        else:
            sequence.part_takes += 1
        return None


def _later(word: WordTime, characters: int, seconds: float) -> WordTime:
    """Move a word of a part to its place in the chunk."""
    if not characters:
        return word
    return WordTime(
        word.start + characters,
        word.end + characters,
        word.start_seconds + seconds,
        word.end_seconds + seconds,
    )
