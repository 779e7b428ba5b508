"""Measures the times of words as clients get them: through a server, shaped, encoded and decoded.

    python -m benchmarks.timing_served                       # 40 sentences in each way
    python -m benchmarks.timing_served --plot docs/images/words.png

Each sentence is asked for with its times, decoded by FFmpeg, and compared with pocketsphinx's
forced alignment of the known text. Scripts of three sentences: do those begin and end where sound
begins and ends? Then one long script: are its last words as right as its first?
`--plot` draws half a minute of speech with its words; sound and captions lie beside the picture.
Exits with 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from app.audio.ffmpeg import find_ffmpeg
from app.engine.alignment.loudness import STEP_SECONDS, power_of
from app.speech import SPEECH_RATE_HZ, Pcm
from benchmarks.forced_alignment import ForcedAligner
from benchmarks.machine import describe_machine
from benchmarks.servers import Server, our_server
from benchmarks.timing import MEAN_BAR_MS, P90_BAR_MS, known_sentences

WAYS = (
    {"format": "wav"},
    {"format": "mp3"},
    {"format": "opus"},
    {"format": "wav", "speed": 0.7},
    {"format": "wav", "speed": 1.5},
    {"format": "mp3", "speed": 0.7},
    {"format": "mp3", "speed": 1.5},
    {"format": "wav", "pitch": 3.0, "pause_scale": 1.5},
)
SENTENCE_WAYS = WAYS[:1] + WAYS[3:5]
SENTENCES_TOGETHER = 3
SENTENCE_BAR_MS = 20.0
SOUND_DB = -35.0
"""What is softer than this beside the loud moments of a script is silence between its sentences."""
LONG_CHARS = 10_000
DRIFT_BAR_MS = 5.0
MARGIN_SECONDS = 0.15
"""A sentence of the long script is aligned within so much more sound on both sides."""
PLOT_SECONDS = 30.0


@dataclass
class Errors:
    """Collects how far words are from where they really are, in ms; positive is too late."""

    starts_ms: list[float] = field(default_factory=list)
    ends_ms: list[float] = field(default_factory=list)
    missing: int = 0

    def count(
        self, told: Sequence[dict[str, Any]], truth: Sequence[tuple[float, float]], later: float = 0
    ) -> None:
        """Compare the words of a sentence; `later` is when the aligned sound begins."""
        self.missing += abs(len(told) - len(truth))
        for word, (start, end) in zip(told, truth, strict=False):
            self.starts_ms.append(1000 * (word["start"] - later - start))
            self.ends_ms.append(1000 * (word["end"] - later - end))

    def row(self) -> dict[str, float]:
        """Return the figures of a line of the table."""
        found: dict[str, float] = {"words": len(self.starts_ms), "missing": self.missing}
        for name, errors in (("starts", self.starts_ms), ("ends", self.ends_ms)):
            sizes = np.abs(errors)
            found[f"{name}_mean_ms"] = round(float(sizes.mean()), 1)
            found[f"{name}_p90_ms"] = round(float(np.percentile(sizes, 90)), 1)
            found[f"{name}_bias_ms"] = round(float(np.median(errors)), 1)
        return found


def timed(server: Server, script: str, way: dict[str, Any]) -> tuple[dict[str, Any], Pcm]:
    """Ask for speech with the times of its words; return the answer and the decoded sound."""
    body = {"script": script, "voice": "alba", "seed": 1, "timestamps": "word", **way}
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/tts",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=600) as answer:
        content: dict[str, Any] = json.load(answer)
    command = [str(find_ffmpeg()), "-v", "error", "-i", "pipe:0", "-ar", str(SPEECH_RATE_HZ)]
    decoded = subprocess.run(
        [*command, "-ac", "1", "-f", "f32le", "pipe:1"],
        input=base64.b64decode(content["audio"]),
        capture_output=True,
        check=True,
    )
    return content, np.frombuffer(decoded.stdout, "<f4").astype(np.float32)


def measure(
    server: Server, sphinx: ForcedAligner, texts: Iterable[str], way: dict[str, Any]
) -> Errors:
    """Measure sentences that are asked for one by one."""
    errors = Errors()
    for text in texts:
        content, pcm = timed(server, text, way)
        truth = sphinx.align(text, pcm)
        if truth is not None:
            errors.count(content["words"], truth)
    return errors


def sentence_borders(server: Server, texts: Sequence[str], way: dict[str, Any]) -> Errors:
    """Compare sentences with the sound nearest to them: where it begins and where it ends."""
    errors = Errors()
    for first in range(0, len(texts), SENTENCES_TOGETHER):
        content, pcm = timed(server, " ".join(texts[first : first + SENTENCES_TOGETHER]), way)
        sentences = content["sentences"]
        power = power_of(pcm)
        loud = power >= np.percentile(power, 95) * 10 ** (SOUND_DB / 10)
        gaps = [(before["end"] + after["start"]) / 2 for before, after in pairwise(sentences)]
        borders = [0.0, *gaps, len(pcm) / SPEECH_RATE_HZ]
        for sentence, (begin, end) in zip(sentences, pairwise(borders), strict=True):
            sounding = np.flatnonzero(loud[round(begin / STEP_SECONDS) : round(end / STEP_SECONDS)])
            truth = (sounding[0] * STEP_SECONDS, (sounding[-1] + 1) * STEP_SECONDS)
            errors.count([sentence], [truth], later=begin)
    return errors


def drift(server: Server, sphinx: ForcedAligner, texts: Sequence[str]) -> tuple[Errors, Errors]:
    """Measure the first and the last minute of a long script, sentence by sentence."""
    script = ""
    for number in range(10_000):
        script += texts[number % len(texts)] + (" " if number % 5 else "\n\n")
        if len(script) >= LONG_CHARS:
            break
    content, pcm = timed(server, script, {"format": "wav"})
    minutes = (Errors(), Errors())
    end_seconds = content["duration_seconds"]
    for sentence in content["sentences"]:
        first, last = sentence["start"] < 60, sentence["end"] > end_seconds - 60
        if not (first or last):
            continue
        begin = max(0.0, sentence["start"] - MARGIN_SECONDS)
        cut = slice(*(round(t * SPEECH_RATE_HZ) for t in (begin, sentence["end"] + MARGIN_SECONDS)))
        truth = sphinx.align(sentence["text"], pcm[cut])
        if truth is not None:
            inside = [
                word
                for word in content["words"]
                if sentence["start"] <= word["start"] and word["end"] <= sentence["end"]
            ]
            minutes[0 if first else 1].count(inside, truth, later=begin)
    return minutes


def plot(server: Server, texts: Sequence[str], path: Path) -> None:
    """Draw the waveform and the words of half a minute; write its sound and its WebVTT."""
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only here

    script = ""
    for text in texts:
        script = f"{script} {text}".strip()
        content, pcm = timed(server, script, {"format": "opus", "captions": ["vtt"]})
        if content["duration_seconds"] >= PLOT_SECONDS:
            break
    rows = 5
    row_seconds = content["duration_seconds"] / rows
    figure, axes = plt.subplots(rows, 1, figsize=(14, 9), sharey=True)
    seconds = np.arange(len(pcm)) / SPEECH_RATE_HZ
    for number, axis in enumerate(axes):
        begin, end = number * row_seconds, (number + 1) * row_seconds
        part = (seconds >= begin) & (seconds < end)
        axis.plot(seconds[part], pcm[part], linewidth=0.3, color="0.35")
        axis.set(xlim=(begin, end), ylim=(-1, 1), yticks=[])
        for place, word in enumerate(content["words"]):
            if begin <= word["start"] < end:
                colour = "C0" if place % 2 else "C1"
                axis.axvspan(word["start"], word["end"], color=colour, alpha=0.2)
                axis.text(word["start"], 0.8, word["text"], fontsize=7)
    axes[-1].set_xlabel("seconds")
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
    path.with_suffix(".opus").write_bytes(base64.b64decode(content["audio"]))
    path.with_suffix(".vtt").write_text(content["captions"]["vtt"], "utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sentences", type=int, default=40, help="in each way (default: 40)")
    parser.add_argument("--plot", type=Path, help="draw half a minute into this file")
    arguments = parser.parse_args()
    sphinx = ForcedAligner()
    texts = known_sentences(sphinx, arguments.sentences)
    settings = {"MODEL_CONFIG": "", "MODEL_LANGUAGE": "preview"}
    missed: list[str] = []
    with (
        tempfile.TemporaryDirectory() as work,
        our_server(Path("none"), Path(work), None, **settings) as server,
    ):
        # The first request for times has the server find out how.
        timed(server, texts[0], WAYS[0])
        print(describe_machine())
        for way in WAYS:
            row = measure(server, sphinx, texts, way).row()
            name = ", ".join(map(str, way.values()))
            print(f"{name:<20}", row)
            missed += (
                f"{name}: {side}"
                for side in ("starts", "ends")
                if row[f"{side}_mean_ms"] > MEAN_BAR_MS or row[f"{side}_p90_ms"] > P90_BAR_MS
            )
            if row["missing"]:
                missed.append(f"{name}: words are missing")
        for way in SENTENCE_WAYS:
            row = sentence_borders(server, texts, way).row()
            name = "sentences, " + ", ".join(map(str, way.values()))
            print(f"{name:<20}", row)
            missed += (
                f"{name}: {side}"
                for side in ("starts", "ends")
                if row[f"{side}_mean_ms"] > SENTENCE_BAR_MS
            )
        first, last = (errors.row() for errors in drift(server, sphinx, texts))
        print(f"{'first minute':<20}", first)
        print(f"{'last minute':<20}", last)
        if last["starts_mean_ms"] - first["starts_mean_ms"] > DRIFT_BAR_MS:
            missed.append("a long script drifts")
        if arguments.plot:
            plot(server, texts, arguments.plot)
    for each in missed:
        print("missed:", each)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
