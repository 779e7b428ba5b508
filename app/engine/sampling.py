"""Settles how a row is sampled, and draws the noise that it is sampled from."""

from __future__ import annotations

from dataclasses import replace

import torch
from pocket_tts import TTSModel
from torch import Tensor

from app.engine.sequence import RowSampling
from app.speech import Sampling


def resolve(asked: Sampling, defaults: Sampling, model: TTSModel) -> RowSampling:
    """Settle each setting: the caller's, else the server's default, else the model's own."""

    def pick(name: str, fallback: float | int | None) -> float | int | None:
        for settings in (asked, defaults):
            value: float | int | None = getattr(settings, name)
            if value is not None:
                return value
        return fallback

    temperature = pick("temperature", model.temp)
    decode_steps = pick("sampler_decode_steps", model.sampler_decode_steps)
    eos_threshold = pick("eos_threshold", model.eos_threshold)
    noise_clamp = pick("noise_clamp", model.noise_clamp)
    frames_after_eos = pick("frames_after_eos", model.model_recommended_frames_after_eos)
    return RowSampling(
        temperature=float(temperature or 0.0),
        decode_steps=max(1, int(decode_steps or 1)),
        eos_threshold=float(eos_threshold or 0.0),
        noise_clamp=None if noise_clamp is None else float(noise_clamp),
        frames_after_eos=None if frames_after_eos is None else int(frames_after_eos),
        seed=asked.seed if asked.seed is not None else defaults.seed,
    )


def draw_noise(sampling: RowSampling, chunk_index: int, frames: int, latent_dim: int) -> Tensor:
    """Draw all noise that a chunk may need from a generator of its own: `[frames, latent_dim]`.

    Drawn at once, so that a frame's noise cannot depend on the batch it is computed in.
    """
    if sampling.temperature == 0.0:
        return torch.zeros(1, latent_dim).expand(frames, latent_dim)
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(_mixed(sampling.seed, chunk_index))
    noise = torch.empty(frames, latent_dim)
    std = sampling.temperature**0.5
    if sampling.noise_clamp is None:
        return noise.normal_(0.0, std, generator=generator)
    bound = sampling.noise_clamp
    return torch.nn.init.trunc_normal_(noise, 0.0, std, -bound, bound, generator=generator)


def of_take(sampling: RowSampling, take: int) -> RowSampling:
    """Return how a take is sampled: the first as was asked, the others from seeds made of that.

    Args:
        take: counts all takes of a chunk from 0, those of the halves of its text included.
    """
    if sampling.seed is None or take == 0:
        return sampling
    return replace(sampling, seed=_mixed(~sampling.seed, take))


def _mixed(seed: int, chunk_index: int) -> int:
    """Make one 64-bit seed of a job's seed and a chunk; neighbours land far apart (splitmix64)."""
    mask = (1 << 64) - 1
    x = (seed + 0x9E3779B97F4A7C15 * (chunk_index + 1)) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)
