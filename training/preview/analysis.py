"""Stage `analysis`: what the vocoder needs to say a teacher's sentence, and the vocoder's audio."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from training.preview import vocoder
from training.preview.teacher import Segment, read_segments
from training.preview.voices import TEACHER, Voice, voices_of
from training.preview.wav_files import read_wav
from training.preview.workspace import Workspace

PITCH_LOW_HZ, PITCH_HIGH_HZ = 100.0, 350.0
LEAD_SECONDS, TAIL_SECONDS = 0.05, 0.02
SILENT_FRAMES_AFTER = 4  # the model learns to be silent, then to stop
GAIN = 1.5
LEVEL_FLOOR = 1e-9


@dataclass
class Utterance:
    """A sentence as the model is to say it in a voice; steps are 5 ms, frames 80 ms.

    `audio` is int16 at 24 kHz, `log_mel` [steps, 40], `voicing` [steps], `pitch_hz` [frames].
    """

    index: int
    text: str
    voice: str
    segments: list[Segment]
    speech_frames: int
    audio: NDArray[np.int16]
    log_mel: NDArray[np.float16]
    voicing: NDArray[np.float16]
    pitch_hz: NDArray[np.float32]


@dataclass
class Heard:
    """What the teacher said: envelopes [steps, BINS] as log power, voicing, pitch of frames."""

    segments: list[Segment]
    speech_frames: int
    log_power: NDArray[np.float64]
    voicing: NDArray[np.float64]
    pitch_hz: NDArray[np.float64]


def hear(wav: Path, labels: Path) -> Heard:
    """Trim a teacher's sentence to its speech and find what the vocoder needs to say it."""
    segments = read_segments(labels)
    start = max(0.0, segments[0].start_seconds - LEAD_SECONDS)
    duration = segments[-1].end_seconds - start
    speech_frames = int(np.ceil((duration + TAIL_SECONDS) / 0.08))
    frames = speech_frames + SILENT_FRAMES_AFTER
    samples, rate = read_wav(wav)
    mono = resample_poly(samples, vocoder.SAMPLE_RATE_HZ // 8000, rate // 8000)
    mono = _trimmed(mono, start, duration, frames)
    envelope, voiced, pitch = _world(mono, steps=frames * vocoder.STEPS_PER_FRAME)
    return Heard(
        segments=[segment.earlier(start) for segment in segments],
        speech_frames=speech_frames,
        log_power=np.log(envelope),
        voicing=voiced,
        pitch_hz=_frame_pitch(pitch, voiced, frames),
    )


def say(index: int, text: str, heard: Heard, voice: Voice = TEACHER) -> Utterance:
    """Say a teacher's sentence again with the phase-locked vocoder, in another voice perhaps."""
    log_power, pitch = voice.log_power(heard.log_power), heard.pitch_hz * voice.pitch
    pulses = vocoder.pulses_for(pitch, voice.pitch)
    audio = vocoder.synthesise(log_power, heard.voicing, pulses)
    log_mel = np.log(np.maximum(np.exp(log_power) @ vocoder.mel_filters().T, LEVEL_FLOOR))
    return Utterance(
        index=index,
        text=text,
        voice=voice.name,
        segments=heard.segments,
        speech_frames=heard.speech_frames,
        audio=(np.clip(audio, -1, 1) * 32767).astype(np.int16),
        log_mel=log_mel.astype(np.float16),
        voicing=heard.voicing.astype(np.float16),
        pitch_hz=pitch.astype(np.float32),
    )


def _trimmed(
    mono: NDArray[np.float64], start: float, duration: float, frames: int
) -> NDArray[np.float64]:
    rate, length = vocoder.SAMPLE_RATE_HZ, frames * vocoder.FRAME
    mono = mono[int(start * rate) :][:length]
    mono = np.pad(mono, (0, length - len(mono)))
    end = int((duration + 0.03) * rate)
    mono[end:] *= np.clip(1 - np.arange(length - end) / 1200, 0, 1)
    return mono * GAIN


def _world(
    mono: NDArray[np.float64], *, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Power envelope [steps, BINS], voicing and pitch [steps], first at 5 ms."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyworld looks its version up in a way that is going away
        import pyworld
    rate = vocoder.SAMPLE_RATE_HZ
    pitch, times = pyworld.dio(
        mono,
        rate,
        f0_floor=PITCH_LOW_HZ,
        f0_ceil=PITCH_HIGH_HZ,
        frame_period=5.0,
        speed=1,
        allowed_range=0.2,
    )
    pitch = pyworld.stonemask(mono, pitch, times, rate)
    envelope = pyworld.cheaptrick(mono, pitch, times, rate, fft_size=vocoder.FFT_SIZE)
    voiced = (pitch > 0).astype(np.float64)
    known = np.flatnonzero(pitch)
    filled = np.interp(np.arange(len(pitch)), known, pitch[known]) if len(known) else pitch + 190.0
    short = max(0, steps + 1 - len(pitch))
    envelope = np.pad(envelope, ((0, short), (0, 0)), mode="edge")[1 : steps + 1]
    voiced, filled = (np.pad(x, (0, short), mode="edge")[1 : steps + 1] for x in (voiced, filled))
    return np.maximum(envelope, LEVEL_FLOOR), voiced, filled


def _frame_pitch(
    pitch: NDArray[np.float64], voiced: NDArray[np.float64], frames: int
) -> NDArray[np.float64]:
    weights = voiced.reshape(frames, -1) + 0.05
    means = (pitch.reshape(frames, -1) * weights).sum(1) / weights.sum(1)
    return np.convolve(np.pad(means, 1, mode="edge"), [0.2, 0.6, 0.2], "valid")


def _analyse_numbered(job: tuple[int, str, Path]) -> list[Utterance]:
    index, text, folder = job
    heard = hear(folder / f"{index}.wav", folder / f"{index}.lab")
    return [say(index, text, heard, voice) for voice in voices_of(index)]


def run(workspace: Workspace, *, processes: int = 2) -> None:
    """Analyse every training sentence; an utterance the teacher left unsaid is an error."""
    jobs = [(i, text, workspace.teacher) for i, text in enumerate(workspace.training_sentences())]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        utterances = list(chain.from_iterable(pool.imap(_analyse_numbered, jobs, chunksize=16)))
    with workspace.utterances.open("wb") as file:
        pickle.dump(utterances, file)
    print(f"{len(utterances)} utterances analysed")
