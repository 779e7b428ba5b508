"""Speech of a script that is still being written, sentence by sentence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from app.errors import NothingToSpeak
from app.speaking.cast import Speakers
from app.speaking.utterance import FieldNames, Utterance
from app.speech import Pcm, SpeechRequest
from app.text.feed import ScriptFeed


class FedSpeech:
    """One task feeds the text, another reads the speech. Use from one event loop.

    While a passage is read the next one already begins, so that there is no gap between them; all
    that has come meanwhile is spoken as one.

    Args:
        request: how to speak; its text is not looked at.
        max_chars: of the whole script.
    """

    def __init__(
        self, speakers: Speakers, request: SpeechRequest, *, max_chars: int
    ) -> None:
        self._speakers = speakers
        self._request = request
        self._fields = fields
        self._feed = ScriptFeed(max_chars=max_chars, field=fields.text)
        self._changed = asyncio.Event()

    async def check_voice(self) -> None:
        """So that who still writes learns at once of a voice that is not there or not usable.

        Raises:
            VoiceNotFound, InvalidRequest, Overloaded, ModelUnavailable.
        """
        speaker = await self._speakers.of(self._request)
        await speaker.voices.state_of(self._request.voice, field=self._fields.clip)

    def add(self, text: str) -> None:
        """More of the script, verbatim. Raises: TooLarge. InvalidRequest: after `finish`."""
        self._feed.add(text)
        self._changed.set()

    def flush(self) -> None:
        """Speak what is there, also an unfinished sentence."""
        self._feed.flush()
        self._changed.set()

    def finish(self) -> None:
        """The script is complete."""
        self._feed.finish()
        self._changed.set()

    async def pcm(self) -> AsyncGenerator[Pcm, None]:
        """The whole speech in order, at the model's rate; ends after `finish`. Read it once.

        Raises:
            SpeechError: as `Synthesizer.prepare` and `begin`; also for a script without words.
        """
        coming = asyncio.create_task(self._next_utterance())
        spoken = False
        try:
            while (utterance := await coming) is not None:
                coming = asyncio.create_task(self._next_utterance())
                try:
                    async with aclosing(utterance.pcm()) as pieces:
                        async for piece in pieces:
                            yield piece
                finally:
                    utterance.close()
                spoken = True
        finally:
            await _closed(coming)
        if not spoken:
            raise NothingToSpeak(
                f"{self._fields.text} holds nothing that can be spoken", field=self._fields.text
            )

    async def _next_utterance(self) -> Utterance | None:
        """The next passage, begun; None after the last."""
        passage = ""
        while not self._feed.exhausted:
            taken = self._feed.take()
            if not taken:
                self._changed.clear()
                await self._changed.wait()
                continue
            passage += taken
            request = replace(self._request, text=passage, goes_on=not self._feed.exhausted)
            try:
                synthesizer = (await self._speakers.of(request)).synthesizer
                return await synthesizer.begin(await synthesizer.prepare(request, self._fields))
            except NothingToSpeak:
                continue  # a tag that stands alone; it belongs to the words that come later
        return None


async def _closed(coming: asyncio.Task[Utterance | None]) -> None:
    coming.cancel()
    (result,) = await asyncio.gather(coming, return_exceptions=True)
    if isinstance(result, Utterance):
        result.close()
