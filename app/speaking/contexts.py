"""Speaks several texts for one client, each of them while it is still being written."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from app.audio.formats import AudioFormat
from app.bounds import MAX_CONTEXTS, UNSENT_UNITS
from app.errors import InvalidRequest, SpeechError
from app.lifetime import Lifetime, shutting_down
from app.marks import Marks
from app.network.connections import ended, quiet_too_long, race
from app.speaking.encoded import LiveMarks, fed_audio
from app.speaking.fed import FedSpeech
from app.speaking.playhead import Playhead

Frames: TypeAlias = Sequence[str | bytes]
"""Frames of a socket, which are sent one directly after the other."""


class TooManyContexts(InvalidRequest):
    """Says that a client has as many contexts as it may have."""


class Heard(NamedTuple):
    """Says how much of a context its listener has heard, if the sound is played as it comes.

    Attributes:
        script_chars: up to here the text was heard; None where words are not timed.
    """

    seconds: float
    sent_seconds: float
    script_chars: int | None


class Wording(Protocol):
    """Puts what becomes of one context into the frames of a protocol."""

    def started(self) -> Frames:
        """Say that the context is ready to speak."""
        ...

    def audio(self, data: bytes, marks: Marks) -> Frames:
        """Hand over some of the encoded sound, and the marks that have become known."""
        ...

    def done(self, marks: Marks, spoken_seconds: float) -> Frames:
        """Say that all was spoken, and how long it sounds; the last marks come with it."""
        ...

    def cancelled(self, heard: Heard) -> Frames:
        """Say that the context was cancelled, after how much of it."""
        ...

    def failed(self, error: SpeechError) -> Frames:
        """Say why the context ends without having been spoken to its end."""
        ...


W = TypeVar("W", bound=Wording)


@dataclass(slots=True)
class _Unit:
    frames: Frames
    is_wanted: Callable[[], bool] = lambda: True
    sent: Callable[[], None] = lambda: None


class Outbox:
    """Sends frames in order, and those that belong together without others between them."""

    def __init__(self, send: Callable[[str | bytes], Awaitable[None]]) -> None:
        self._send = send
        self._units: asyncio.Queue[_Unit] = asyncio.Queue(UNSENT_UNITS)

    async def put(self, unit: _Unit) -> None:
        """Have frames sent; wait while too many others wait."""
        await self._units.put(unit)

    async def run(self) -> None:
        """Send what there is, for ever. What is not wanted any more is left out."""
        while True:
            unit = await self._units.get()
            if unit.is_wanted():
                for frame in unit.frames:
                    await self._send(frame)
                unit.sent()
            self._units.task_done()

    async def emptied(self) -> None:
        """Wait until everything has been sent."""
        await self._units.join()


@dataclass(slots=True, eq=False)
class Context(Generic[W]):
    """Holds one text and its sound.

    Attributes:
        wording: says what becomes of it.
        idle_seconds: how long it may be still, in both directions, before it ends.
    """

    name: str
    fed: FedSpeech
    audio: AudioFormat
    wording: W
    idle_seconds: float
    playhead: Playhead = field(default_factory=Playhead)
    over: bool = False
    """Nothing of it is sent any more."""
    _stirred_seconds: float = field(default_factory=time.monotonic)
    _has_text: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, text: str) -> None:
        """Take more of the text, verbatim; no text at all keeps the context alive.

        Raises:
            TooLarge, InvalidRequest: as `FedSpeech.add`.
        """
        self.stir()
        self.fed.add(text)
        if not text.isspace() and text:
            self._has_text.set()

    def flush(self) -> None:
        """Speak what is there, even if its last sentence is unfinished."""
        self.stir()
        self.fed.flush()

    def finish(self) -> None:
        """Say that the text is complete."""
        self.stir()
        self.fed.finish()
        self._has_text.set()

    def stir(self) -> None:
        """Take note that something came, or was sent."""
        self._stirred_seconds = time.monotonic()

    async def has_text(self) -> bool:
        """Wait until there is something to speak, or nothing more will come."""
        return await self._has_text.wait()

    async def still(self) -> None:
        """Wait until nothing has come or gone for so long that the context is to end."""
        while True:
            left_seconds = self._stirred_seconds + self.idle_seconds - time.monotonic()
            if left_seconds <= 0 and not self.fed.is_heard:
                return
            await asyncio.sleep(max(0.01, left_seconds if left_seconds > 0 else self.idle_seconds))

    @property
    def is_heard_out(self) -> bool:
        """Tell whether all that was sent has been heard."""
        return self.playhead.heard_seconds >= self.playhead.sent_seconds

    def heard(self, seconds: float | None = None) -> Heard:
        """Tell how much of it has been heard by now, or in so many seconds."""
        sent_seconds = self.playhead.sent_seconds
        seconds = self.playhead.heard_seconds if seconds is None else min(seconds, sent_seconds)
        if not self.fed.request.timed:
            return Heard(seconds, sent_seconds, None)
        words = self.fed.marks.words
        chars = max((word.script_end for word in words if word.end_seconds <= seconds), default=0)
        return Heard(seconds, sent_seconds, chars)


class Contexts(Generic[W]):
    """Keeps the contexts of one client, by name. Use from one event loop.

    Args:
        send: sends a frame to the client, and waits while it takes none.
        streaming: counts a context as long as it lasts; may refuse it.
    """

    def __init__(
        self,
        ffmpeg: Path,
        lifetime: Lifetime,
        send: Callable[[str | bytes], Awaitable[None]],
        streaming: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._ffmpeg = ffmpeg
        self._lifetime = lifetime
        self._streaming = streaming
        self._outbox = Outbox(send)
        self._contexts: dict[str, Context[W]] = {}
        self._said: dict[str, Context[W]] = {}
        """All of these was sent, but may not have been heard yet."""
        self._tasks: dict[Context[W], asyncio.Task[None]] = {}
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ending = asyncio.Event()
        self._cut_short = False
        """The server was told to stop before a context was spoken to its end."""

    def __len__(self) -> int:
        return len(self._contexts)

    def get(self, name: str) -> Context[W] | None:
        """Return the context of that name; None if there is none, or it has ended."""
        return self._contexts.get(name)

    def open(self, context: Context[W]) -> Context[W]:
        """Begin to speak a context.

        Raises:
            TooManyContexts: there are.
            InvalidRequest: one has this name already.
        """
        if context.name in self._contexts:
            raise InvalidRequest(f"the context {context.name!r} is open already", field="context")
        if len(self._tasks) >= MAX_CONTEXTS:
            raise TooManyContexts(
                f"{MAX_CONTEXTS} contexts are open on this socket, which is what is allowed; end "
                "or cancel one first",
                field="context",
            )
        self._contexts[context.name] = context
        self._forget(context.name)
        task = asyncio.create_task(self._run(context))
        self._tasks[context] = task
        task.add_done_callback(lambda _: self._ended(context))
        return context

    async def cancel(self, name: str, *, heard_seconds: float | None = None) -> bool:
        """Stop a context: nothing more of it is sent, but for how much was heard.

        One that was sent to its end may still be played, so that it can be cancelled too.

        Args:
            heard_seconds: how much was heard, where the client knows it.

        Returns:
            Whether there is such a context.
        """
        context = self._contexts.get(name) or self._said.pop(name, None)
        if context is None:
            return False
        heard = context.heard(heard_seconds)
        self._stop(context)
        await self.tell(context.wording.cancelled(heard))
        return True

    async def fail(self, context: Context[W], error: SpeechError) -> None:
        """Stop a context for an error in what was sent for it."""
        self._stop(context)
        await self.tell(context.wording.failed(error))

    async def tell(self, frames: Frames) -> None:
        """Send frames that belong to no context, or to none that is left."""
        await self._outbox.put(_Unit(frames))

    def end(self) -> None:
        """Say that no more text comes; what is there is spoken."""
        for context in list(self._contexts.values()):
            context.finish()
        self._ending.set()

    async def all_ended(self) -> None:
        """Wait until no context is left, whether it is still written or spoken."""
        while self._tasks:
            await asyncio.wait(self._tasks.values())

    async def speak(self) -> None:
        """Send what is to be said until `end` was called and everything has been.

        Raises:
            ModelUnavailable: the server was told to stop; what had begun was sent.
        """
        try:
            await race(self._all_said(), self._outbox.run(), self._has_broken())
        finally:
            await ended(*self._tasks.values())

    async def _all_said(self) -> None:
        await race(self._ending.wait(), self._lifetime.stopping())
        await self.all_ended()
        await self._outbox.emptied()
        if self._cut_short or (self._lifetime.is_stopping and not self._ending.is_set()):
            raise shutting_down()

    async def _has_broken(self) -> None:
        await asyncio.shield(self._broken)

    def _stop(self, context: Context[W]) -> None:
        context.over = True
        context.fed.abort()
        self._close(context)
        if context in self._tasks:
            self._tasks[context].cancel()

    def _forget(self, name: str) -> None:
        """Let go of what has been heard, and of another context that has this name now."""
        self._said.pop(name, None)
        for each in [name for name, said in self._said.items() if said.is_heard_out]:
            del self._said[each]
        while len(self._said) >= MAX_CONTEXTS:
            del self._said[next(iter(self._said))]

    def _ended(self, context: Context[W]) -> None:
        task = self._tasks.pop(context)
        if self._contexts.get(context.name) is context:
            del self._contexts[context.name]
        if not task.cancelled() and (error := task.exception()) and not self._broken.done():
            self._broken.set_exception(error)

    async def _run(self, context: Context[W]) -> None:
        """Speak a context to its end, and say what became of it."""
        try:
            with self._streaming():
                await race(self._speak(context), self._watch(context))
        except SpeechError as error:
            self._cut_short = self._cut_short or self._lifetime.is_stopping
            self._close(context)
            await self.tell(context.wording.failed(error))

    async def _speak(self, context: Context[W]) -> None:
        fed, audio = context.fed, context.audio
        await fed.check_voice()
        await self._say(context, context.wording.started())
        # An encoder is a process: there is none for contexts that only might have a text.
        await race(context.has_text(), self._lifetime.stopping())
        marks = LiveMarks(fed.marks, audio.delay_seconds(fed.sample_rate_hz, live=True))
        async with aclosing(fed_audio(fed, audio, self._ffmpeg)) as pieces:
            async for data in pieces:
                await self._say(
                    context, context.wording.audio(data, marks.take()), until=fed.read_seconds
                )
        self._close(context)
        self._forget(context.name)
        self._said[context.name] = context
        await self.tell(context.wording.done(marks.take(), fed.spoken_seconds))

    async def _say(self, context: Context[W], frames: Frames, *, until: float = 0.0) -> None:
        def sent() -> None:
            context.stir()
            context.playhead.sent(until)

        await self._outbox.put(_Unit(frames, lambda: not context.over, sent))

    def _close(self, context: Context[W]) -> None:
        """Let the name be used again: what is still to be sent of the context comes first."""
        if self._contexts.get(context.name) is context:
            del self._contexts[context.name]

    async def _watch(self, context: Context[W]) -> None:
        """End a context that is still for too long: quietly, unless words would be lost."""
        await context.still()
        if context.fed.has_words_waiting:
            raise quiet_too_long(context.idle_seconds)
        context.finish()
        await asyncio.Event().wait()
