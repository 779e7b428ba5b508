"""docs/architecture.md lists the functions that a request goes through, and they are those."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from tests.audio.probe import voice_like
from tests.conftest import write_wav
from tests.serving import make_settings, serve

ROOT = Path(__file__).parent.parent


COMPLETE = {
    "app/api/http/delivery.py:live_response": "app/api/http/delivery.py:file_response",
    "app/speaking/encoded.py:live_audio": "app/speaking/encoded.py:complete_audio",
}
"""What a request for a complete file calls instead, as the page says too."""


def documented() -> list[str]:
    """The steps of a `POST /tts`, each as file:function."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    return re.findall(r"^\d\. `([\w/]+\.py:[\w.]+)`", text, re.MULTILINE)


@contextmanager
def calls_of(steps: list[str]) -> Iterator[list[str]]:
    """Collects which of `steps` are called, in order, on threads that are started meanwhile."""
    calls: list[str] = []

    def look(frame: FrameType, event: str, _argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_filename.startswith(str(ROOT)):
            step = f"{Path(code.co_filename).relative_to(ROOT).as_posix()}:{code.co_qualname}"
            if step in steps:
                calls.append(step)

    threading.setprofile(look)
    try:
        yield calls
    finally:
        threading.setprofile(None)


def test_the_list_is_short() -> None:
    """Who wants to know where a request goes reads at most eight functions."""
    assert 5 <= len(documented()) <= 8


def test_a_request_takes_this_way(tmp_path: Path, tiny_model: Path) -> None:
    """A `POST /tts` calls the listed functions in order; the engine has a loop of its own."""
    steps = documented()
    *on_the_loop, in_the_engine = steps
    voices = tmp_path / "voices"
    voices.mkdir()
    write_wav(voices / "alba.wav", voice_like(2.0))
    settings = make_settings(tmp_path, MODEL_CONFIG=str(tiny_model), max_ref_duration=2)
    with calls_of([*steps, *COMPLETE.values()]) as calls, serve(settings) as served:
        served.wait_until(lambda health: health["model"]["state"] == "ready", seconds=60)
        for stream in (True, False):
            calls.clear()
            body = {"script": "Hello there.", "stream": stream, "format": "wav"}
            assert served.client.post("/tts", json=body).status_code == 200
            expected = on_the_loop if stream else [COMPLETE.get(each, each) for each in on_the_loop]
            # The generators of the request before may be closed only now, which counts as a call.
            own = list(dict.fromkeys(calls[calls.index(steps[0]) :]))
            assert [step for step in own if step != in_the_engine] == expected
            assert in_the_engine in own
