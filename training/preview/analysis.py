"""Stage `analysis`: what the vocoder needs to say a teacher's sentence, and the vocoder's audio."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from training.preview import vocoder
from training.preview.teacher import LATE_SECONDS, PITCH_STEP_SECONDS, Speech, Word, faded
from training.preview.vocoder import Pitch
from training.preview.voices import Speaker, speaker_of, warped
from training.preview.workspace import Workspace

UNVOICED_BELOW_HZ = 60.0
STEADY_RATIO = 1.15  # of neighbouring pitches; where voice sets in, the teacher's climbs from 0
FARTHEST_CORRECTION = 0.2  # of the teacher's pitch by what is found in its audio
PITCH_LOW_HZ, PITCH_HIGH_HZ = 50.0, 440.0
LEAD_SECONDS, TAIL_SECONDS = 0.13, 0.06
SILENT_FRAMES_AFTER = 6  # the model learns to be silent, then to stop
LEVEL_FLOOR = 1e-9
LOUDEST = 0.85  # peak of what is learned from: what the model says may be a little louder


@dataclass
class Utterance:
    """A sentence as the model is to say it in a voice; steps are 5 ms, frames 80 ms.

    `audio` is int16 at 24 kHz, `log_mel` [steps, 40], `noise_db` [steps, 3], `pitch` of frames.
    """

    index: int
    text: str
    voice: str
    words: list[Word]
    speech_frames: int
    audio: NDArray[np.int16]
    log_mel: NDArray[np.float16]
    noise_db: NDArray[np.float16]
    pitch: Pitch


@dataclass
class Heard:
    """What the teacher said: envelopes [steps, BINS] as log power, noise, pitch of frames."""

    words: list[Word]
    speech_frames: int
    log_power: NDArray[np.float64]
    noise_db: NDArray[np.float64]
    pitch: Pitch


def hear(speech: Speech) -> Heard:
    """Trim a teacher's sentence to its speech and find what the vocoder needs to say it."""
    words = [word.earlier(LATE_SECONDS) for word in speech.words]
    first, last = speech.span_seconds()
    start = max(0.0, first - LEAD_SECONDS)
    duration = last - start
    speech_frames = int(np.ceil((duration + TAIL_SECONDS) / vocoder.FRAME_SECONDS))
    frames = speech_frames + SILENT_FRAMES_AFTER
    audio = _trimmed(speech.audio, start, duration, frames)
    steps = frames * vocoder.STEPS_PER_FRAME
    voiced, rough = _pitch_of_steps(speech.pitch_hz, start, duration, steps)
    pitch, envelope, noise_db = _world(audio, rough, voiced)
    return Heard(
        words=[word.earlier(start) for word in words],
        speech_frames=speech_frames,
        log_power=np.log(envelope),
        noise_db=noise_db,
        pitch=_pitch_of_frames(pitch, voiced, frames),
    )


def say(index: int, text: str, heard: Heard, speaker: Speaker) -> Utterance:
    """Say a teacher's sentence again with the vocoder, warped as `speaker` is, and not too loud.

    The vocoder's pulses are peaks where the teacher's are spread: its loud voices would be clipped.
    """
    log_power, pitch = speaker.warped(heard.log_power), heard.pitch.scaled(speaker.pitch)
    audio = vocoder.synthesise(log_power, heard.noise_db, pitch)
    gain = min(1.0, LOUDEST / float(np.abs(audio).max()))
    log_power, audio = log_power + 2 * np.log(gain), audio * gain
    log_mel = np.log(np.maximum(np.exp(log_power) @ vocoder.mel_filters().T, LEVEL_FLOOR))
    return Utterance(
        index=index,
        text=text,
        voice=speaker.name,
        words=heard.words,
        speech_frames=heard.speech_frames,
        audio=(audio * 32767).astype(np.int16),
        log_mel=log_mel.astype(np.float16),
        noise_db=heard.noise_db.astype(np.float16),
        pitch=pitch,
    )


def _trimmed(
    audio: NDArray[np.float32], start: float, duration: float, frames: int
) -> NDArray[np.floating]:
    rate, length = vocoder.SAMPLE_RATE_HZ, frames * vocoder.FRAME
    mono = audio[int(start * rate) :][:length].astype(np.float64)
    return faded(np.pad(mono, (0, length - len(mono))), duration)


def _pitch_of_steps(
    pitch_hz: NDArray[np.float32], start: float, duration: float, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voicing and pitch at the end of each step [steps]; where unvoiced, between its neighbours."""
    times = start + (np.arange(steps) + 1) * vocoder.HOP / vocoder.SAMPLE_RATE_HZ
    known = np.flatnonzero(_is_steady(pitch_hz))
    nearest = np.clip((times / PITCH_STEP_SECONDS).astype(int), 0, len(pitch_hz) - 1)
    voiced = (pitch_hz[nearest] > UNVOICED_BELOW_HZ) & (times < start + duration + TAIL_SECONDS)
    if not len(known):
        return np.zeros(steps), np.full(steps, PITCH_LOW_HZ)
    pitch = np.interp(times, (known + 0.5) * PITCH_STEP_SECONDS, pitch_hz[known])
    return voiced.astype(np.float64), np.clip(pitch, PITCH_LOW_HZ, PITCH_HIGH_HZ)


def _is_steady(pitch_hz: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the pitch is that of a voice, and its neighbours' is about the same."""
    padded = np.pad(np.maximum(pitch_hz, 1.0), 1, mode="edge")
    steps = np.abs(np.log(padded[1:] / padded[:-1])) < np.log(STEADY_RATIO)
    return np.asarray((pitch_hz > UNVOICED_BELOW_HZ) & steps[:-1] & steps[1:])


def _pitch_of_frames(pitch: NDArray[np.float64], voiced: NDArray[np.float64], frames: int) -> Pitch:
    weights = voiced.reshape(frames, -1) + 0.05
    means = (pitch.reshape(frames, -1) * weights).sum(1) / weights.sum(1)
    ends = pitch[vocoder.STEPS_PER_FRAME - 1 :: vocoder.STEPS_PER_FRAME]
    return Pitch(means, np.concatenate([pitch[:1], ends[:-1]]), ends)


def _world(
    audio: NDArray[np.floating], pitch: NDArray[np.float64], voiced: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pitch as it is in the audio [steps], power envelope [steps, BINS] and noise [steps, 3]."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pyworld looks its version up in a way that is going away
        import pyworld
    rate = vocoder.SAMPLE_RATE_HZ
    times = (np.arange(len(pitch)) + 1) * vocoder.HOP / rate
    found = pyworld.stonemask(audio, pitch * voiced, times, rate)
    near = np.abs(found / pitch - 1) < FARTHEST_CORRECTION
    pitch = np.where(near, found, pitch)
    envelope = pyworld.cheaptrick(audio, pitch * voiced, times, rate, fft_size=vocoder.FFT_SIZE)
    noise = pyworld.d4c(audio, pitch * voiced, times, rate, fft_size=vocoder.FFT_SIZE)
    noise_db = pyworld.code_aperiodicity(noise, rate)
    return pitch, np.maximum(envelope, LEVEL_FLOOR), noise_db


def analyse(workspace: Workspace, index: int, text: str) -> list[Utterance]:
    """What the teacher said of sentence `index`, in its own voice and perhaps in a warped one."""
    own = speaker_of(index)
    heard = hear(Speech.load(workspace.spoken(index, own.name)))
    return [say(index, text, heard, speaker) for speaker in [own, *warped(own, index)]]


def _analyse(job: tuple[Workspace, int, str]) -> list[Utterance]:
    return analyse(*job)


def run(workspace: Workspace, *, processes: int = 2) -> None:
    """Analyse every training sentence that the teacher has said; what is there already is kept."""
    utterances: list[Utterance] = []
    if workspace.utterances.exists():
        with workspace.utterances.open("rb") as file:
            utterances = pickle.load(file)
    analysed = {utterance.index for utterance in utterances}
    jobs = [
        (workspace, index, text)
        for index, text in enumerate(workspace.training_sentences())
        if workspace.spoken(index, speaker_of(index).name).exists() and index not in analysed
    ]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        utterances += chain.from_iterable(pool.imap(_analyse, jobs, chunksize=16))
    utterances.sort(key=lambda utterance: utterance.index)
    part = workspace.utterances.with_suffix(".part")
    with part.open("wb") as file:
        pickle.dump(utterances, file)
    part.replace(workspace.utterances)
    print(f"{len(utterances)} utterances, {len(jobs)} sentences of them new")
