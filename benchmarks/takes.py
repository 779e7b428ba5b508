"""Speaks many sentences, and prints how many takes were spoken again, and why.

    python -m benchmarks.takes [--sentences 500] [--takes 3] [--voice slt] [--words]

With `--words` a recogniser hears them, and the word error rate is printed: that needs
`pip install faster-whisper` and the folder of a model of it in WHISPER_MODEL.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import time
from collections.abc import Sequence
from importlib import import_module
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from app.assembly.models import engine_options
from app.audio.resample import resampled_clip
from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.errors import TakesRefused
from app.settings import load_settings
from app.speech import SPEECH_RATE_HZ, Pcm, Sampling
from app.speech_engine import SpeechJob, SpokenChunk, VoiceState
from training.preview.sentences import held_out_sentences

AT_ONCE = 12
WHISPER_RATE_HZ = 16_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=500)
    parser.add_argument("--takes", type=int, default=3)
    parser.add_argument("--voice", default="slt")
    parser.add_argument("--words", action="store_true", help="print the word error rate as well")
    args = parser.parse_args()
    single = [each for share in held_out_sentences().values() for each in share]
    pairs = [" ".join(pair) for pair in zip(single[::2], single[1::2], strict=False)]
    texts = list(islice(cycle([*single, *pairs]), args.sentences))
    with TemporaryDirectory() as models:
        settings = load_settings(
            Path("no.env"),
            models_dir=Path(models),
            auth_disabled=True,
            model_language="preview",
            takes=args.takes,
        )
        engine = EngineLoader(
            engine_options(settings, "preview"), lambda _: None, look_first=False
        )()
        voice = engine.predefined_voice(args.voice)
        engine.calibrate(voice)
        began = time.monotonic()
        spoken = asyncio.run(_speak(engine, voice, texts))
        seconds = time.monotonic() - began
        _print(engine, spoken, seconds)
        engine.close()
    if args.words:
        print(f"word error rate {_word_error_rate(texts, spoken):.4f}")


async def _speak(
    engine: BatchedEngine, voice: VoiceState, texts: Sequence[str]
) -> list[Pcm | None]:
    """Speak each text as a complete answer, with a seed of its own; None for one refused."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(seed: int, text: str) -> Pcm | None:
        async with room:
            stream = engine.submit(SpeechJob((SpokenChunk(text, voice),), Sampling(seed=seed)))
            stream.read_whole()
            try:
                return np.concatenate([frames.pcm async for frames in stream])
            except TakesRefused:
                return None

    return await asyncio.gather(*(one(seed, text) for seed, text in enumerate(texts)))


def _print(engine: BatchedEngine, spoken: Sequence[Pcm | None], seconds: float) -> None:
    counts = engine.status().takes
    pieces = len(spoken)
    print(f"{pieces} sentences in {seconds:.1f} s, {sum(each is None for each in spoken)} refused")
    print(f"takes {counts.spoken}, redone {counts.redone} ({counts.redone / pieces:.2%} of pieces)")
    print(f"parted {counts.parted}, refused {counts.refused}, judged: {counts.judged}")
    for fault, count in counts.by_fault.items():
        print(f"  {fault}: {count}")


def _word_error_rate(texts: Sequence[str], spoken: Sequence[Pcm | None]) -> float:
    """Return how many words of the texts are not heard as they are; all of those refused."""
    whisper = import_module("faster_whisper")  # optional
    model = whisper.WhisperModel(os.environ["WHISPER_MODEL"], device="cpu", compute_type="int8")
    errors = words = 0
    for text, pcm in zip(texts, spoken, strict=True):
        said = _words(text)
        words += len(said)
        if pcm is None:
            errors += len(said)
            continue
        heard = np.concatenate(list(resampled_clip([pcm], SPEECH_RATE_HZ, WHISPER_RATE_HZ)))
        segments, _ = model.transcribe(heard, language="en", beam_size=1)
        errors += _distance(said, _words(" ".join(each.text for each in segments)))
    return errors / words


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9']+", text.lower())


def _distance(said: Sequence[str], heard: Sequence[str]) -> int:
    """Count the words to change, to put in and to leave out (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(said, 1):
        before, row[0] = row[0], index
        for place, other in enumerate(heard, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (word != other)),
            )
    return row[-1]


if __name__ == "__main__":
    main()
