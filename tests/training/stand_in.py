"""Ten analysed sentences without a teacher: syllables of pulses and noise with made-up phones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from training.preview import vocoder
from training.preview.analysis import LEVEL_FLOOR, Heard, Utterance, say
from training.preview.symbols import PHONES
from training.preview.teacher import Segment
from training.preview.voices import voices_of
from training.preview.workspace import Workspace

TEXTS = [
    "Good morning, Anna.",
    "The train leaves at nine.",
    "Please open the window.",
    "It is cold today.",
    "Where is the red book?",
    "Turn left at the bridge.",
    "You have two messages.",
    "Thank you very much.",
    "My name is Paul.",
    "Let us read it again.",
]
PHONE_SECONDS = 0.09
SILENT_FRAMES = 4


def heard(text: str) -> Heard:
    """One phone for every second letter of a word, each with a spectrum of its own."""
    segments: list[Segment] = []
    words = "".join(c for c in text.lower() if c.isalpha() or c == " ").split()
    for place, word in enumerate(words):
        for letter in word[::2]:
            start = len(segments) * PHONE_SECONDS
            phone = PHONES[ord(letter) - ord("a")]
            segments.append(Segment(phone, start, start + PHONE_SECONDS, word, str(place)))
    speech = int(np.ceil(segments[-1].end_seconds / 0.08))
    frames = speech + SILENT_FRAMES
    steps = frames * vocoder.STEPS_PER_FRAME
    envelope = np.full((steps, vocoder.BINS), LEVEL_FLOOR)
    voicing = np.zeros(steps)
    for segment in segments:
        first, last = (round(s / 0.005) for s in (segment.start_seconds, segment.end_seconds))
        number = PHONES.index(segment.phone)
        centre = 300 + 90 * number
        shape = np.exp(-(((vocoder.BIN_HZ - centre) / 400) ** 2))
        envelope[first:last] = 1e-4 * shape + LEVEL_FLOOR
        voicing[first:last] = number % 4 > 0
    return Heard(
        segments=segments,
        speech_frames=speech,
        log_power=np.log(envelope),
        voicing=voicing,
        pitch_hz=190 + 40 * np.sin(np.arange(frames) / 3),
    )


def utterances() -> list[Utterance]:
    """Each text in every voice that says it."""
    return [
        say(index, text, heard(text), voice)
        for index, text in enumerate(TEXTS)
        for voice in voices_of(index)
    ]


def workspace_in(folder: Path) -> Workspace:
    """A workspace whose training sentences are TEXTS."""
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(folder)
    shares = {"train": TEXTS, "test": [], "development": [], "wider_test": [], "everyday": []}
    workspace.sentences.write_text(json.dumps(shares), "utf-8")
    return workspace
