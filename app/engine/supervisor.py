"""Keeps an engine running: loads it in the background, retries, replaces a dead or a lesser one.

It does not import torch: the server answers /health while the libraries are still being imported.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from app.engine.memory import give_memory_back
from app.errors import Conflict, ModelUnavailable
from app.speech_engine import RESTART_SECONDS, EngineStatus, SpeechEngine

logger = logging.getLogger(__name__)

FIRST_RETRY_SECONDS = 5.0
"""After the first failure to load the pause is this long; it doubles with each further one."""
LONGEST_RETRY_SECONDS = 300.0
LONGEST_LOOK_SECONDS = 3600.0
"""The pauses between two looks for better weights double up to this one."""
HANDOVER_SECONDS = 10.0
"""This is longer than a request takes from being given its engine to its first audio."""
LONGEST_SPEECH_SECONDS = 3600.0
WAKE_SECONDS = 30.0
"""A request waits for a model that was put out of memory for at most this long."""
POLL_SECONDS = 0.05
REST_SECONDS = 5.0
"""An engine that nobody has wanted for so long gives back what only speech needs."""
WATCH_SECONDS = 0.5
"""A running engine is looked at each time that this has passed."""

RESTARTING = "the engine stopped and is being restarted"
RELOADING = "the model is being loaded anew"

State = Literal["loading", "ready", "idle", "failed", "stopped"]


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """Holds what /health and /ready report about the model; `detail` is for people."""

    state: State
    detail: str
    engine: EngineStatus | None


class EngineSupervisor:
    """Owns the engine of one model.

    Args:
        build: loads the model and returns a started engine; raises ModelUnavailable with the
            reason and the remedy. It is called again after a failure and after an engine died.
        look: fetches better weights, if there are any, and says whether `build` would now make a
            better engine; that takes the place of the one that runs. May block for long.
        idle_seconds: how long nobody may want the engine before it is put out of memory; None
            keeps it there.
        forget: lets go of what `build` keeps in memory for the next engine.
    """

    def __init__(
        self,
        build: Callable[[], SpeechEngine],
        look: Callable[[], bool] | None = None,
        *,
        idle_seconds: float | None = None,
        forget: Callable[[], None] = lambda: None,
    ) -> None:
        self._build = build
        self._look = look
        self._looking: _Look | None = None
        self._retiring: list[SpeechEngine] = []
        self._failure = ""
        self._failed_times = 0
        self._engine: SpeechEngine | None = None
        self._state: State = "loading"
        self._detail = "the model is being loaded"
        self._retry_at_seconds: float | None = None
        self._on_ready: Callable[[], None] | None = None
        self._on_missing: Callable[[], None] | None = None
        self._idle_seconds = idle_seconds
        self._forget = forget
        self._used_seconds = time.monotonic()
        self._rested_seconds = 0.0
        self._predefined_voices: tuple[str, ...] = ()
        self._sleeping = threading.Lock()  # nobody gets an engine while it is being put away
        self._wanted = threading.Event()
        self._asleep = False
        """The engine is out of memory, or on its way back."""
        self._stopping = threading.Event()
        self._retry_now = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-supervisor", daemon=True)

    def start(
        self,
        on_ready: Callable[[], None] | None = None,
        on_missing: Callable[[], None] | None = None,
    ) -> None:
        """Begin loading; returns at once.

        Args:
            on_ready: called on the supervisor's thread whenever an engine has become ready.
            on_missing: called on that thread whenever a file has to be downloaded first, or
                loading has failed.
        """
        self._on_ready = on_ready
        self._on_missing = on_missing
        self._thread.start()

    @property
    def engine(self) -> SpeechEngine:
        """Return the running engine; one that was put out of memory begins to load.

        Raises:
            ModelUnavailable: says what is going on, and when to come back.
        """
        with self._sleeping:
            self._used_seconds = time.monotonic()
            engine = self._engine
            if engine is not None and self.is_ready:
                return engine
            if self._state == "idle":
                self._wanted.set()
        raise ModelUnavailable(self._detail, retry_after_seconds=self._retry_after_seconds())

    async def awake(self) -> None:
        """Wait for an engine that was put out of memory or died; return at once in any other case.

        If it does not come back, `engine` tells why.
        """
        if self._state == "idle":
            self._wanted.set()
        give_up_seconds = time.monotonic() + WAKE_SECONDS
        # The engine is built on another thread, so there is nothing to await.
        while self._comes_back and time.monotonic() < give_up_seconds:  # noqa: ASYNC110
            await asyncio.sleep(POLL_SECONDS)

    @property
    def _comes_back(self) -> bool:
        """Tell whether there is no engine now, but will be one soon."""
        has_died = self._state == "ready" and not self.is_ready
        return self._asleep or has_died

    @property
    def predefined_voices(self) -> tuple[str, ...]:
        """Return the names of the voices that come with the model, also while that is idle.

        Raises:
            ModelUnavailable: as `engine`.
        """
        return self._predefined_voices if self._asleep else self.engine.predefined_voices

    def require_available(self) -> None:
        """Check that speech can be made, if need be after an idle model was loaded again.

        Raises:
            ModelUnavailable: says what is going on, and when to come back.
        """
        if not self.is_available:
            raise ModelUnavailable(self._detail, retry_after_seconds=self._retry_after_seconds())

    @property
    def is_available(self) -> bool:
        """Tell whether an engine is running, or only waits to be wanted."""
        return self._comes_back or self.is_ready

    @property
    def is_ready(self) -> bool:
        """Tell whether an engine is running."""
        engine = self._engine
        return self._state == "ready" and engine is not None and engine.status().alive

    def downloading(self, file_name: str) -> None:
        """Report a file that has to be downloaded; called while the model is built."""
        if self._stopping.is_set():
            return
        self._state, self._detail = "loading", f"{file_name} is being downloaded"
        self._asleep = False  # this may take long, so nobody waits for it
        if self._on_missing is not None:
            self._on_missing()

    def status(self) -> ModelStatus:
        """Return a snapshot of the model and its engine."""
        engine = self._engine
        engine_status = engine.status() if engine is not None else None
        if self._state == "ready" and engine_status is not None and not engine_status.alive:
            return ModelStatus("failed", RESTARTING, engine_status)
        return ModelStatus(self._state, self._detail, engine_status)

    def reload(self) -> None:
        """Load the model anew from its files; where that has failed, try again now.

        Raises:
            Conflict: speech is being made, or the model is on its way already.
        """
        with self._sleeping:
            engine = self._engine
            if self._state == "ready" and engine is not None:
                status = engine.status()
                if status.running_rows or status.queued_jobs:
                    raise Conflict("speech is being made; reload the model once that has ended")
                self._predefined_voices = engine.predefined_voices
                self._asleep, self._engine = True, None
                self._state, self._detail = "loading", RELOADING
            elif self._state not in ("idle", "failed"):
                raise Conflict(f"the model cannot be reloaded now: {self._detail}")
            self._wanted.set()
            self._retry_now.set()

    async def stop(self, grace_seconds: float) -> None:
        """Refuse new jobs, let running ones finish for at most `grace_seconds`, stop the engine."""
        self._stopping.set()
        self._wanted.set()
        self._retry_now.set()
        engine, self._detail = self._engine, "the server is shutting down"
        self._state, self._asleep = "stopped", False
        engines = [*self._retiring, *([] if engine is None else [engine])]
        await asyncio.gather(*(each.drain(grace_seconds) for each in engines))

    def _run(self) -> None:
        """Build an engine, watch it, build the next; wait longer after each failure."""
        pause_seconds = FIRST_RETRY_SECONDS
        while not self._stopping.is_set():
            engine = self._built()
            if isinstance(engine, str):
                self._retry_now.clear()
                self._fail(engine, pause_seconds)
                if not self._stopping.is_set():
                    self._retry_now.wait(pause_seconds)
                pause_seconds = min(2 * pause_seconds, LONGEST_RETRY_SECONDS)
                continue
            if self._stopping.is_set():
                asyncio.run(engine.drain(0))
                return
            pause_seconds = FIRST_RETRY_SECONDS
            self._failure = ""
            self._take(engine)
            self._watch(engine)
            del engine  # or the weights of an idle model would stay in memory
            if self._engine is None:
                self._forget()
                give_memory_back()
            if self._state == "idle":
                self._wanted.wait()
                if not self._stopping.is_set():
                    self._state, self._detail = "loading", "the idle model is being loaded again"

    def _built(self) -> SpeechEngine | str:
        """Build a new engine, or return the reason why there is none."""
        try:
            return self._build()
        except ModelUnavailable as error:
            return error.message
        except Exception as error:
            # Without this, a bug would leave the server saying "loading" for ever.
            reason = f"{type(error).__name__}; see the log"
            if reason != self._failure:
                logger.exception("loading the model failed in an unforeseen way")
            return reason

    def _take(self, engine: SpeechEngine) -> None:
        """Let an engine speak from now on."""
        self._used_seconds = time.monotonic()
        self._engine, self._detail, self._state = engine, "the model is ready", "ready"
        self._asleep = False
        logger.info("the model is ready")
        if self._on_ready is not None:
            self._on_ready()

    def _watch(self, engine: SpeechEngine) -> None:
        """Return once the engine died, is idle or has to stop; put a better one in its place."""
        pause_seconds = FIRST_RETRY_SECONDS
        look_at_seconds = time.monotonic() + pause_seconds
        while not self._stopping.wait(WATCH_SECONDS):
            if not engine.status().alive:
                logger.info("the engine is being started anew")
                self._predefined_voices = engine.predefined_voices
                self._state, self._asleep, self._detail = "loading", True, RESTARTING
                return
            if self._engine is None:  # it is being reloaded
                self._begin_to_retire(engine)
                return
            if self._put_away(engine):
                return
            self._let_rest(engine)
            if self._looking is not None and self._looking.is_over:
                if self._looking.found:
                    engine = self._replaced(engine)
                self._looking = None
                look_at_seconds = time.monotonic() + pause_seconds
            elif self._looking is None and time.monotonic() >= look_at_seconds and self._look:
                self._looking = _Look(self._look)
                pause_seconds = min(2 * pause_seconds, LONGEST_LOOK_SECONDS)

    def _let_rest(self, engine: SpeechEngine) -> None:
        """Have an engine give memory back, once each time that it has been wanted."""
        now_seconds = time.monotonic()
        wanted_since = self._used_seconds > self._rested_seconds
        if wanted_since and now_seconds - self._used_seconds >= REST_SECONDS:
            self._rested_seconds = now_seconds
            engine.rest()

    def _put_away(self, engine: SpeechEngine) -> bool:
        """Put an engine out of memory if nobody has wanted it for long; return whether it was."""
        status = engine.status()
        now_seconds = time.monotonic()
        with self._sleeping:
            if status.running_rows or status.queued_jobs:
                self._used_seconds = now_seconds
            if self._idle_seconds is None or now_seconds - self._used_seconds < self._idle_seconds:
                return False
            self._predefined_voices = engine.predefined_voices
            self._wanted.clear()
            if self._stopping.is_set():
                return False
            self._asleep, self._engine = True, None
            self._state = "idle"
            self._detail = "nobody spoke for long: the model is out of memory until it is wanted"
        asyncio.run(engine.drain(0))
        minutes = self._idle_seconds / 60
        logger.info("nobody spoke for %g minutes: the model is put out of memory", minutes)
        return True

    def _replaced(self, engine: SpeechEngine) -> SpeechEngine:
        """Build the better engine; the present one speaks meanwhile, and on if that fails."""
        better = self._built()
        if isinstance(better, str):
            logger.warning("the better weights are not used: %s", better)
            return engine
        if self._stopping.is_set():
            asyncio.run(better.drain(0))
            return engine
        self._take(better)
        self._begin_to_retire(engine)
        return better

    def _begin_to_retire(self, engine: SpeechEngine) -> None:
        """Let an engine end in the background, once whoever was given it has been heard."""
        self._retiring.append(engine)
        threading.Thread(target=self._retire, args=(engine,), daemon=True).start()

    def _retire(self, engine: SpeechEngine) -> None:
        """Let an engine finish what it has begun, and what was just about to begin."""
        self._stopping.wait(HANDOVER_SECONDS)
        if not self._stopping.is_set():
            asyncio.run(engine.drain(LONGEST_SPEECH_SECONDS))
            self._retiring.remove(engine)

    def _fail(self, reason: str, pause_seconds: float) -> None:
        """Record that loading failed; the same reason is logged ever more rarely."""
        if self._stopping.is_set():
            return
        self._state, self._detail = "failed", f"the model is not available: {reason}"
        self._asleep = False
        self._retry_at_seconds = time.monotonic() + pause_seconds
        self._failed_times = self._failed_times + 1 if reason == self._failure else 1
        self._failure = reason
        if self._failed_times.bit_count() == 1:  # 1, 2, 4, 8, … times
            logger.warning("%s; trying again in %.0f s", self._detail, pause_seconds)
        if self._on_missing is not None:
            self._on_missing()

    def _retry_after_seconds(self) -> float:
        """Tell how long a caller should wait before asking again."""
        if self._state != "failed" or self._retry_at_seconds is None:
            return RESTART_SECONDS
        return max(1.0, self._retry_at_seconds - time.monotonic())


class _Look:
    """Looks for better weights on a thread of its own, since it may download them.

    Attributes:
        found: whether there are some, once it is over.
    """

    def __init__(self, look: Callable[[], bool]) -> None:
        self.found = False
        self._look = look
        # A download must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="weights-look", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self.found = self._look()
        except Exception:
            # The next look may go well, and speech does not depend on it.
            logger.exception("looking for better weights failed in an unforeseen way")
