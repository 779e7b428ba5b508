"""A vocoder whose audio is a function of its parameters alone.

Pitch is constant within an 80 ms frame, at a whole number of pulses per frame, and the noise is a
fixed loop of one frame. So there is one right waveform for each latent, and a decoder can learn it
by regression, with no adversary.
"""

from __future__ import annotations

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
# An even number of pulses: the pattern repeats twice a frame, and there are fewer to learn.
PULSES = tuple(range(6, 21, 2))
TAIL_HOPS = 9

Samples = NDArray[np.float64]
BIN_HZ: Samples = np.arange(BINS) * SAMPLE_RATE_HZ / FFT_SIZE
# Share of noise in the power of voiced speech
_VOICED_NOISE: Samples = np.clip((BIN_HZ - 4000) / 8000, 0, 0.5)
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


def _pulse_train(pulses: int) -> Samples:
    harmonics = np.arange(1, int(11500 / (12.5 * pulses)) + 1)
    # Half a period late, so that the edges of frames fall between pulses.
    phases = 2 * np.pi * np.outer(np.arange(FRAME), harmonics * pulses) / FRAME
    train = np.cos(phases + np.pi * harmonics).sum(1)
    return np.asarray(train / train.std())


def _noise_loop() -> Samples:
    spectrum = np.exp(2j * np.pi * np.random.RandomState(7).rand(FRAME // 2 + 1))
    spectrum[[0, -1]] = 0
    noise = np.fft.irfft(spectrum)
    return np.asarray(noise / noise.std())


_TRAINS = {pulses: _pulse_train(pulses) for pulses in PULSES}
_NOISE = _noise_loop()


def pulses_for(pitch_hz: Samples, voice_pitch: float = 1.0) -> NDArray[np.int64]:
    """The nearest number of pulses per frame for each frame's pitch.

    Args:
        voice_pitch: ratio to the teacher's, whose pitch is kept between 150 and 250 Hz: beyond lie
            the errors of pitch trackers.
    """
    lowest, highest = round(6 * voice_pitch), round(10 * voice_pitch)
    return np.asarray(2 * np.clip(np.round(pitch_hz / 25), lowest, highest), np.int64)


def _minimum_phase(log_magnitude: Samples) -> NDArray[np.complex128]:
    cepstrum = np.fft.irfft(log_magnitude, axis=1)
    cepstrum[:, 1 : FFT_SIZE // 2] *= 2
    cepstrum[:, FFT_SIZE // 2 + 1 :] = 0
    return np.exp(np.fft.rfft(cepstrum, axis=1))


def synthesise(log_power: Samples, voicing: Samples, pulses: NDArray[np.int64]) -> Samples:
    """Audio at 24 kHz.

    Args:
        log_power: spectral envelopes [16 * frames, BINS], natural log, 5 ms apart.
        voicing: 0 to 1 for each envelope.
        pulses: pulses per frame [frames], each one of PULSES.
    """
    steps = len(log_power)
    silence = np.zeros(HOP)
    train = np.concatenate([_TRAINS[int(count)] for count in pulses] + [silence])
    noise = np.concatenate([np.tile(_NOISE, len(pulses)), silence])
    noise_share = voicing[:, None] * _VOICED_NOISE + (1 - voicing[:, None])
    places = (np.arange(steps) * HOP)[:, None] + np.arange(2 * HOP)
    voiced = np.fft.rfft(train[places] * _WINDOW, FFT_SIZE, axis=1)
    unvoiced = np.fft.rfft(noise[places] * _WINDOW, FFT_SIZE, axis=1)
    excitation = voiced * np.sqrt(1 - noise_share) + unvoiced * np.sqrt(noise_share)
    pieces = np.fft.irfft(excitation * _minimum_phase(log_power / 2), FFT_SIZE, axis=1)
    padded = np.zeros((steps, TAIL_HOPS * HOP))
    padded[:, :FFT_SIZE] = pieces
    audio = np.zeros((steps + TAIL_HOPS) * HOP)
    for hop in range(TAIL_HOPS):
        audio[hop * HOP : (hop + steps) * HOP] += padded[:, hop * HOP : (hop + 1) * HOP].ravel()
    return audio[: steps * HOP]
