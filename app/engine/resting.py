"""Holds the weights that only new voices need, and lets them go while nobody makes one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pocket_tts import TTSModel

from app.engine.mapped import largest_parts
from app.engine.memory import trim_memory

REST_AFTER_SECONDS = 2.0
"""Mapping the weights again takes a tenth of a second; somebody who makes voices makes several."""


class RestingModel:
    """Lends the whole model, whose largest parts rest on the disk while nobody borrows it.

    The engine computes with weights of its own, so the model's float32 ones are there for new
    voices only: with `english` 430 MB. Thread-safe.

    Args:
        model: whole; once it has rested it is without the weights of its largest parts.
        load: reads the same model from its files again; None if there are none, and then it
            never rests.
    """

    def __init__(self, model: TTSModel, load: Callable[[], TTSModel] | None) -> None:
        self._load = load
        self._whole: TTSModel | None = model
        self._borrowers = 0
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._wait()

    @property
    def rests(self) -> bool:
        """Tell whether the weights are out of memory."""
        return self._whole is None

    @contextmanager
    def borrowed(self) -> Iterator[TTSModel]:
        """Lend the whole model, read again if it rests. Blocks for as long as that takes.

        Raises:
            ModelUnavailable: its files are not there any more.
        """
        with self._lock:
            self._stop_waiting()
            if self._whole is None:
                assert self._load is not None
                self._whole = self._load()
            whole = self._whole
            self._borrowers += 1
        try:
            yield whole
        finally:
            with self._lock:
                self._borrowers -= 1
                self._wait()

    def close(self) -> None:
        """Leave no thread behind; it rests no more until somebody borrows it again."""
        with self._lock:
            self._stop_waiting()

    def _wait(self) -> None:
        if self._load is None or self._borrowers:
            return
        self._timer = threading.Timer(REST_AFTER_SECONDS, self._rest)
        self._timer.daemon = True
        self._timer.start()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rest(self) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():
                return  # somebody came just now
            self._timer = None
            assert self._whole is not None
            for part in largest_parts(self._whole):
                part.to("meta")  # frees its weights in place; using it afterwards is an error
            self._whole = None
        trim_memory()
