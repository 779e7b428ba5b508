"""Speaks a script that is still being written, sentence by sentence."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from app.errors import NothingToSpeak
from app.lifetime import shutting_down
from app.marks import Marks
from app.network.connections import ended, race
from app.request_record import current_record
from app.speaking.door import Speech
from app.speaking.silence import SILENCE_SECONDS, silence
from app.speaking.utterance import Utterance
from app.speech import SPEECH_RATE_HZ, Pcm, SpeechRequest
from app.text.feed import ScriptFeed


class FedSpeech:
    """Speaks text that one task feeds, while another reads the speech. Use from one event loop.

    The first clause is spoken as soon as that can be, then whole sentences. While a passage is read
    the next one already begins, so that there is no gap between them; all
    that has come meanwhile is spoken as one.

    Attributes:
        request: says how to speak; its text is not looked at.
        spoken_seconds: how long the passages sound that have been read to their ends.
        read_seconds: how much sound has been read in all.
        marks: as those of an `Utterance`, for all of the speech.

    Args:
        count_characters: is told how much is about to be spoken, and may refuse it.
        passage_spoken: is told up to which character all has been read, after each passage.
        rest_seconds: so much silence follows a passage if nothing is there to be spoken next, which
            brings the passage out of an encoder that holds sound back.
    """

    sample_rate_hz = SPEECH_RATE_HZ

    def __init__(
        self,
        speech: Speech,
        request: SpeechRequest,
        *,
        count_characters: Callable[[int], Awaitable[None]] | None = None,
        passage_spoken: Callable[[int], Awaitable[None]] | None = None,
        rest_seconds: float = 0.0,
    ) -> None:
        self.request = request
        self._rest_seconds = rest_seconds
        self._count_characters = count_characters
        self._passage_spoken = passage_spoken
        self.spoken_seconds = 0.0
        self.read_seconds = 0.0
        self.marks = Marks()
        self._speech = speech
        self._feed = ScriptFeed(
            max_chars=speech.max_script_chars,
            markup=request.markup,
            lexicons=lambda: speech.lexicons_for(request),
            blocks=request.normalize,
        )
        self._changed = asyncio.Event()
        self._idle = asyncio.Event()
        """Nothing is there that could be spoken next."""
        self._cut_short = False
        self._begun_chars = 0
        self._read: Utterance | None = None
        self._paused = False
        """It has been noticed that nothing more came for a while."""

    async def check_voice(self) -> None:
        """Refuse a voice that is missing or unusable, before the first sentence is complete.

        Raises:
            VoiceNotFound, InvalidRequest, Overloaded, ModelUnavailable.
        """
        await self._speech.check_voice(self.request)

    @property
    def is_heard(self) -> bool:
        """Tell whether a passage is being read now."""
        return self._read is not None

    @property
    def has_words_waiting(self) -> bool:
        """Tell whether words have come that are not spoken yet, nor about to be."""
        return self._feed.has_words

    def add(self, text: str) -> None:
        """Take more of the script, verbatim.

        Raises:
            TooLarge: the script is longer than allowed.
            InvalidRequest: the script was said to be complete.
        """
        self._feed.add(text)
        self._changed.set()

    def flush(self) -> None:
        """Speak the text that is there, even if its last sentence is unfinished."""
        self._feed.flush()
        self._changed.set()

    def finish(self) -> None:
        """Say that the script is complete."""
        self._feed.finish()
        self._changed.set()

    def abort(self) -> None:
        """Stop the engine's work on what is read now; whoever reads it gets an error."""
        if self._read is not None:
            self._read.close()

    async def pcm(self, *, whole_passages: bool = False) -> AsyncGenerator[Pcm, None]:
        """Yield the whole speech in order, at `sample_rate_hz`, and end after `finish`.

        Read it once. If the server is told to stop, this ends with the sentence that is read then
        (with several, where they are short and one chunk); so call `require_spoken` at the end.

        A script without words is a short silence: agents that write replies take an error for a
        failure, and no sound at all as well.

        Args:
            whole_passages: end after what was begun by then, however many sentences it has.

        Raises:
            SpeechError: as `Speech.begin` and `Utterance.pcm`.
        """
        lifetime = self._speech.lifetime
        coming = asyncio.create_task(self._next_utterance())
        played_until_seconds = -math.inf
        try:
            while (utterance := await coming) is not None:
                if self.read_seconds and lifetime.is_stopping and not whole_passages:
                    self._cut_short = True
                    break
                coming = asyncio.create_task(self._next_utterance())
                self._read = utterance
                utterance.follow(played_until_seconds)
                try:
                    async with aclosing(utterance.pcm()) as pieces:
                        async for piece in pieces:
                            self.marks.take(utterance.marks, later_seconds=self.spoken_seconds)
                            self.read_seconds = self.spoken_seconds + utterance.spoken_seconds
                            yield piece
                            if lifetime.is_stopping and not whole_passages:
                                utterance.end_after_chunk()
                finally:
                    self._read = None
                    utterance.close()
                self._cut_short = self._cut_short or utterance.ended_early
                self.marks.take(utterance.marks, later_seconds=self.spoken_seconds)
                self.spoken_seconds += utterance.spoken_seconds
                played_until_seconds = utterance.played_until_seconds
                if self._passage_spoken is not None:
                    spoken = utterance.request
                    await self._passage_spoken(spoken.script_start + len(spoken.text))
                if self._rest_seconds and await self._nothing_follows(coming):
                    self.spoken_seconds += self._rest_seconds
                    self.read_seconds = self.spoken_seconds
                    played_until_seconds += self._rest_seconds
                    yield silence(self.sample_rate_hz, self._rest_seconds)
        finally:
            await _closed(coming)
        if not self.spoken_seconds and not self._cut_short:
            self.spoken_seconds = self.read_seconds = SILENCE_SECONDS
            yield silence(self.sample_rate_hz)

    def require_spoken(self) -> None:
        """Check, once the sound has ended, that it was the whole script.

        Raises:
            ModelUnavailable: the server was told to stop before it was.
        """
        if self._cut_short:
            raise shutting_down()

    async def _next_utterance(self) -> Utterance | None:
        """Begin to speak the next passage; return None after the last, or if the server stops."""
        lifetime = self._speech.lifetime
        passage = ""
        while not self._feed.exhausted:
            if lifetime.is_stopping:
                self._cut_short = True
                return None
            taken = self._feed.take() or self._opening(paused=False)
            if not taken and await self._waited() == "paused":
                taken = self._opening(paused=True)
            if not taken:
                continue
            current_record().asked_for(None, self._begun_chars + len(passage) + len(taken))
            if self._count_characters is not None:
                await self._count_characters(len(taken))
            passage += taken
            request = replace(
                self.request,
                text=passage,
                goes_on=not self._feed.exhausted,
                script_start=self._begun_chars,
                spoken_before_seconds=self.spoken_seconds,
            )
            try:
                utterance = await self._speech.begin(request)
            except NothingToSpeak:
                continue  # a tag that stands alone; it belongs to the words that come later
            self._begun_chars += len(passage)
            return utterance
        return None

    async def _nothing_follows(self, coming: asyncio.Task[Utterance | None]) -> bool:
        """Tell whether nothing is there to be spoken next, once that is known."""
        idle = asyncio.create_task(self._idle.wait())
        await asyncio.wait({coming, idle}, return_when=asyncio.FIRST_COMPLETED)
        await ended(idle)
        return not coming.done()

    def _opening(self, *, paused: bool) -> str:
        """Return the first clause of the script if that can be spoken by itself, else nothing."""
        self._feed.release_opening(paused=paused)
        return self._feed.take()

    async def _waited(self) -> Literal["changed", "paused"]:
        """Wait for more of the script, or for the first pause while nothing of it is spoken."""
        self._changed.clear()
        self._idle.set()
        waits = not self._begun_chars and self._feed.has_words and not self._paused
        try:
            async with asyncio.timeout(self._speech.first_text_wait_seconds if waits else None):
                await race(self._changed.wait(), self._speech.lifetime.stopping())
        except TimeoutError:
            self._paused = True
            return "paused"
        finally:
            self._idle.clear()
        self._paused = False
        return "changed"


async def _closed(coming: asyncio.Task[Utterance | None]) -> None:
    await ended(coming)
    if not coming.cancelled() and coming.exception() is None and (begun := coming.result()):
        begun.close()
