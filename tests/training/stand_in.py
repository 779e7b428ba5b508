"""Ten analysed sentences without a teacher: syllables of pulses and noise with made-up phones."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np

from training.preview import vocoder
from training.preview.analysis import LEVEL_FLOOR, Heard, Utterance, say
from training.preview.lexicon import HELD_OUT_SHARES
from training.preview.symbols import PHONES
from training.preview.teacher import Word
from training.preview.vocoder import Pitch
from training.preview.voices import speaker_of, warped
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
    words: list[Word] = []
    spoken = 0
    for match in re.finditer("[a-z]+", text.lower()):
        phones = []
        for letter in match.group()[::2]:
            start = spoken * PHONE_SECONDS
            phones.append((PHONES[ord(letter) - ord("a")], start, start + PHONE_SECONDS))
            spoken += 1
        words.append(Word(match.start(), match.end(), phones))
    speech = int(np.ceil(spoken * PHONE_SECONDS / vocoder.FRAME_SECONDS))
    frames = speech + SILENT_FRAMES
    steps = frames * vocoder.STEPS_PER_FRAME
    envelope = np.full((steps, vocoder.BINS), LEVEL_FLOOR)
    noise_db = np.zeros((steps, vocoder.NOISE_BANDS))
    for phone, *times in (phone for word in words for phone in word.phones):
        first, last = (round(seconds / 0.005) for seconds in times)
        number = PHONES.index(phone)
        shape = np.exp(-(((vocoder.BIN_HZ - 300 - 90 * number) / 400) ** 2))
        envelope[first:last] = 1e-4 * shape + LEVEL_FLOOR
        noise_db[first:last] = -8.0 if number % 4 else 0.0
    knots = 190 + 40 * np.sin(np.arange(frames + 1) / 3)
    return Heard(
        words=words,
        speech_frames=speech,
        log_power=np.log(envelope),
        noise_db=noise_db,
        pitch=Pitch((knots[:-1] + knots[1:]) / 2, knots[:-1], knots[1:]),
    )


def utterances() -> list[Utterance]:
    """Each text in every voice that says it."""
    return [
        say(index, text, heard(text), speaker)
        for index, text in enumerate(TEXTS)
        for speaker in (speaker_of(index), *warped(speaker_of(index), index))
    ]


def workspace_in(folder: Path) -> Workspace:
    """A workspace whose training sentences are TEXTS."""
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(folder)
    shares: dict[str, list[str]] = {"train": TEXTS, **{share: [] for share in HELD_OUT_SHARES}}
    workspace.sentences.write_text(json.dumps(shares), "utf-8")
    return workspace
