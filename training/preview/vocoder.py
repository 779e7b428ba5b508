"""A vocoder whose audio is a function of its parameters alone.

Pitch glides in two straight lines over an 80 ms frame, and the knot between them is chosen so that
each frame has a whole number of pulses; the noise is a fixed loop of one frame. So there is one
right waveform for each latent, and a decoder can learn it by regression, with no adversary.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 24000
HOP = 120  # samples between spectra: 5 ms
FRAME = 1920  # samples of a latent: 80 ms
STEPS_PER_FRAME = FRAME // HOP
FFT_SIZE = 1024
BINS = FFT_SIZE // 2 + 1
MEL_BANDS = 40
MEL_LOW_HZ, MEL_HIGH_HZ = 50.0, 12000.0
FRAME_SECONDS = FRAME / SAMPLE_RATE_HZ
MOST_PULSES = 36  # 450 Hz
FARTHEST_GLIDE = 1.6  # of a frame's ends from its middle, as a ratio
HIGHEST_HARMONIC_HZ = 11500
TAIL_HOPS = 9

Samples = NDArray[np.float64]
BIN_HZ: Samples = np.arange(BINS) * SAMPLE_RATE_HZ / FFT_SIZE
# Where WORLD measures how much of a voice is noise, and what it takes for granted at both ends
NOISE_CENTRES_HZ = (3000.0, 6000.0, 9000.0)
NOISE_BANDS = len(NOISE_CENTRES_HZ)
_LEAST_NOISE_DB = -60.0
UNVOICED_ABOVE_DB = -0.5
_WINDOW: Samples = np.hanning(2 * HOP + 1)[:-1]


def mel(hz: Samples) -> Samples:
    return np.asarray(1127 * np.log(1 + hz / 700))


def _edges() -> Samples:
    low, high = (float(mel(np.array(hz))) for hz in (MEL_LOW_HZ, MEL_HIGH_HZ))
    return np.asarray(np.linspace(low, high, MEL_BANDS + 2))


MEL_CENTRES_HZ: Samples = 700 * (np.exp(_edges()[1:-1] / 1127) - 1)


def mel_filters() -> Samples:
    """Triangular filters [MEL_BANDS, BINS] that average power."""
    edges, bins = _edges(), mel(BIN_HZ)
    filters = np.zeros((MEL_BANDS, BINS))
    for band in range(MEL_BANDS):
        low, centre, high = edges[band : band + 3]
        rise, fall = (bins - low) / (centre - low), (high - bins) / (high - centre)
        filters[band] = np.clip(np.minimum(rise, fall), 0, None)
        if filters[band].sum() == 0:
            filters[band, np.argmin(np.abs(bins - centre))] = 1
    return np.asarray(filters / filters.sum(1, keepdims=True))


def _noise_loop() -> Samples:
    spectrum = np.exp(2j * np.pi * np.random.RandomState(7).rand(FRAME // 2 + 1))
    spectrum[[0, -1]] = 0
    noise = np.fft.irfft(spectrum)
    return np.asarray(noise / noise.std())


_NOISE = _noise_loop()


@dataclass(frozen=True)
class Pitch:
    """The pitch of frames in Hz, each array [frames]: on average, at its beginning and its end."""

    mean_hz: Samples
    start_hz: Samples
    end_hz: Samples

    def scaled(self, ratio: float) -> Pitch:
        return Pitch(self.mean_hz * ratio, self.start_hz * ratio, self.end_hz * ratio)


def glide(pitch: Pitch) -> tuple[Samples, Samples]:
    """Phase in pulses, and pitch in Hz, of each sample [frames, FRAME].

    The pitch goes straight from its start to a knot in the middle of the frame and straight on to
    its end. The knot is where the frame has a whole number of pulses, the nearest to its mean.
    Ends are held near enough to the mean that the pitch at the knot stays well above nothing:
    where it would almost stand still, one pulse would be as loud as many.
    """
    pulses = np.clip(np.round(pitch.mean_hz * FRAME_SECONDS), 1, MOST_PULSES)
    whole = (pulses / FRAME_SECONDS)[:, None]
    start, end = (
        np.clip(hertz[:, None], whole / FARTHEST_GLIDE, whole * FARTHEST_GLIDE)
        for hertz in (pitch.start_hz, pitch.end_hz)
    )
    knot = 2 * whole - (start + end) / 2
    time = (np.arange(FRAME) + 0.5) / FRAME
    rising, falling = np.minimum(2 * time, 1), np.maximum(2 * time - 1, 0)
    hertz = start + (knot - start) * rising + (end - knot) * falling
    # The integral of the two lines, exact at the ends of the frame
    phase = FRAME_SECONDS * (
        start * time
        + (knot - start) * (rising**2 / 4 + falling / 2)
        + (end - knot) * falling**2 / 4
    )
    return phase, hertz


def pulse_train(pitch: Pitch) -> Samples:
    """Band-limited pulses [frames * FRAME] of unit power; frames meet between two pulses."""
    phase, hertz = glide(pitch)
    harmonics = np.floor(HIGHEST_HARMONIC_HZ / np.maximum(hertz.max(1, keepdims=True), 20))
    # sum of cos(k * angle) for k up to `harmonics`, half a period late
    angle = 2 * np.pi * (phase + 0.5)
    sine = np.sin(angle / 2)
    flat = np.abs(sine) < 1e-6
    ratio = np.sin((harmonics + 0.5) * angle) / np.where(flat, 1, 2 * sine)
    train = np.where(flat, harmonics, ratio - 0.5)
    return np.asarray((train / np.sqrt(harmonics / 2)).ravel())


def _minimum_phase(log_magnitude: Samples) -> NDArray[np.complex128]:
    cepstrum = np.fft.irfft(log_magnitude, axis=1)
    cepstrum[:, 1 : FFT_SIZE // 2] *= 2
    cepstrum[:, FFT_SIZE // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum, axis=1))


def noise_share(noise_db: Samples) -> Samples:
    """How much of the power is noise [steps, BINS], from its level in each band [steps, 3].

    Levels are relative to the whole, as WORLD codes aperiodicity: 0 dB is nothing but noise.
    """
    known = np.pad(noise_db, ((0, 0), (1, 1)), constant_values=(_LEAST_NOISE_DB, 0.0))
    edges = [0.0, *NOISE_CENTRES_HZ, SAMPLE_RATE_HZ / 2]
    weights = np.stack([np.interp(BIN_HZ, edges, row) for row in np.eye(NOISE_BANDS + 2)])
    unvoiced = noise_db.mean(1, keepdims=True) > UNVOICED_ABOVE_DB
    return np.asarray(np.where(unvoiced, 1.0, 10 ** (np.minimum(known @ weights, 0) / 10)))


def synthesise(log_power: Samples, noise_db: Samples, pitch: Pitch) -> Samples:
    """Audio at 24 kHz.

    Args:
        log_power: spectral envelopes [16 * frames, BINS], natural log, 5 ms apart.
        noise_db: of each envelope, see `noise_share`.
    """
    steps = len(log_power)
    silence = np.zeros(HOP)
    train = np.concatenate([pulse_train(pitch), silence])
    noise = np.concatenate([np.tile(_NOISE, steps // STEPS_PER_FRAME), silence])
    noisy = noise_share(noise_db)
    places = (np.arange(steps) * HOP)[:, None] + np.arange(2 * HOP)
    voiced = np.fft.rfft(train[places] * _WINDOW, FFT_SIZE, axis=1)
    unvoiced = np.fft.rfft(noise[places] * _WINDOW, FFT_SIZE, axis=1)
    excitation = voiced * np.sqrt(1 - noisy) + unvoiced * np.sqrt(noisy)
    pieces = np.fft.irfft(excitation * _minimum_phase(log_power / 2), FFT_SIZE, axis=1)
    padded = np.zeros((steps, TAIL_HOPS * HOP))
    padded[:, :FFT_SIZE] = pieces
    audio = np.zeros((steps + TAIL_HOPS) * HOP)
    for hop in range(TAIL_HOPS):
        audio[hop * HOP : (hop + steps) * HOP] += padded[:, hop * HOP : (hop + 1) * HOP].ravel()
    return audio[: steps * HOP]
