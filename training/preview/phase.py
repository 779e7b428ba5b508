"""The phase of the pulses, computed by weights that are written down instead of learned.

Where the pulses are in a frame is arithmetic: the pitch is rounded to whole pulses and multiplied
by time. By examples a decoder learns it in hours, and blurs it. So some channels and units of the
decoder's transformer do it exactly from the start, and no training touches them:

- upsampling multiplies the numbers of pitch by their curves over the frame's 16 steps;
- layer 1 rounds the mean to whole pulses, by a short ramp at each half pulse;
- layer 2 multiplies the rest of that rounding by its curve, as the difference of two squares;
- layer 3 folds phases into waves: the fundamental's cosine and sine, four times in each step.

What a layer adds to the phase is small or a whole number, and ramps lead outward from 16 pulses a
frame. So all of it holds in bfloat16 as well, to a hundredth of a pulse.
"""

from __future__ import annotations

import torch
from pocket_tts.models.mimi import MimiModel
from pocket_tts.modules.transformer import StreamingTransformerLayer
from torch import nn

from training.preview.latents import CONSTANT, PITCH, PULSES_ABOVE
from training.preview.vocoder import MOST_PULSES, STEPS_PER_FRAME

# Channels of the transformer; those with MINUS hold the negative of another, so that the sum over
# all channels, which layer norms subtract, stays near nothing.
CHANNELS = 22
(PHASE, MINUS_PHASE, SPEED, MINUS_SPEED, MEAN, ROUNDING) = range(6)
(ABOVE_PHASE, RISE_PHASE, ABOVE_SPEED, RISE_SPEED, KNOT_PHASE, KNOT_SPEED) = range(6, 12)
PLUS, MINUS = 12, 13
WAVES = range(14, CHANNELS)  # cosines, then sines
INNER = slice(0, WAVES.start)
PLACES = 4  # in a step, of waves
PULSE = 64.0  # in these channels, where what is learned is of the size of 1
# Two channels so large that layer norms divide by them alone
LARGE, LARGE_FACTOR = 2.0**15, 8.0
RAMP_SLOPE, SHARPNESS = 16.0, 4.0
HALF_RAMP = 0.5 / RAMP_SLOPE
SQUARE_SCALE = 0.3
WAVE_SHARPNESS = 8.0
# Counted from the nearer end of the frame, relative to 16 pulses a frame
LOWEST_PHASE, HIGHEST_PHASE = -7.0, 10.5


def curves() -> dict[str, torch.Tensor]:
    """Phase at the beginning of each step, in pulses for each number of pitch [16].

    `mean` relative to the nearer end of the frame, `above`, `rise`, and `knot` for the part of a
    pulse that rounding adds. Each with what is gained until the next step, as `..._speed`.
    """
    time = torch.arange(STEPS_PER_FRAME + 1, dtype=torch.float64) / STEPS_PER_FRAME
    rising, falling = (2 * time).clamp(max=1), (2 * time - 1).clamp(min=0)
    of_start = time - rising**2 / 4 - falling / 2
    of_knot = rising**2 / 4 + falling / 2 - falling**2 / 4
    of_end = falling**2 / 4
    whole = {
        "mean": of_start + of_knot + of_end,
        "above": of_start - of_knot + of_end,
        "rise": (of_end - of_start) / 2,
        "knot": 2 * of_knot,
    }
    late = (torch.arange(STEPS_PER_FRAME) >= STEPS_PER_FRAME // 2).double()
    found = {}
    for name, curve in whole.items():
        found[name] = curve[:-1] - (late if name in ("mean", "knot") else 0)
        found[f"{name}_speed"] = curve.diff()
    return {name: curve.float() for name, curve in found.items()}


@torch.no_grad()
def write_phase(codec: MimiModel) -> None:
    """Write the weights into an untrained codec, and keep every training from changing them."""
    fixed = _Fixed()
    _write_upsampling(codec, fixed)
    for layer in codec.decoder_transformer.transformer.layers:
        _write_norms(layer, fixed)
    round_layer, knot_layer, wave_layer = codec.decoder_transformer.transformer.layers
    # A ramp ends at its half pulse, so that bfloat16 holds all of it; half of it goes back.
    round_layer.norm2.bias[[MEAN, ROUNDING]] = -HALF_RAMP
    _Units(round_layer, fixed).write(_rounding_units())
    _Units(knot_layer, fixed).write(_knot_units())
    _Units(wave_layer, fixed).write(_wave_units())
    first = codec.decoder.model[0].conv
    fixed.set(first.weight, (slice(None), INNER), 0.0)
    fixed.keep()


class _Fixed:
    """Parameters some of whose values are set once and for all."""

    def __init__(self) -> None:
        self._learned: dict[nn.Parameter, torch.Tensor] = {}

    def set(self, parameter: nn.Parameter, where: object, values: torch.Tensor | float) -> None:
        learned = self._learned.setdefault(parameter, torch.ones_like(parameter))
        parameter[where] = values  # type: ignore[index]
        learned[where] = 0  # type: ignore[index]

    def keep(self) -> None:
        for parameter, learned in self._learned.items():
            parameter.register_hook(learned.mul)  # type: ignore[no-untyped-call]


def _write_upsampling(codec: MimiModel, fixed: _Fixed) -> None:
    mean, rise, above = range(PITCH.start, PITCH.stop)
    curve, flat = curves(), torch.ones(STEPS_PER_FRAME)
    sources = {
        PHASE: (mean, PULSE, curve["mean"]),
        MINUS_PHASE: (mean, -PULSE, curve["mean"]),
        SPEED: (mean, PULSE, curve["mean_speed"]),
        MINUS_SPEED: (mean, -PULSE, curve["mean_speed"]),
        MEAN: (mean, PULSE, flat),
        ROUNDING: (mean, -PULSE, flat),
        ABOVE_PHASE: (above, PULSE, curve["above"]),
        RISE_PHASE: (rise, PULSE, curve["rise"]),
        ABOVE_SPEED: (above, PULSE, curve["above_speed"]),
        RISE_SPEED: (rise, PULSE, curve["rise_speed"]),
        KNOT_PHASE: (CONSTANT, PULSE, curve["knot"]),
        KNOT_SPEED: (CONSTANT, PULSE, curve["knot_speed"]),
        PLUS: (CONSTANT, LARGE, flat * LARGE_FACTOR),
        MINUS: (CONSTANT, -LARGE, flat * LARGE_FACTOR),
    }
    project, stretch = codec.quantizer.output_proj.weight, codec.upsample.convtr.convtr.weight
    fixed.set(project, slice(CHANNELS), 0.0)
    fixed.set(stretch, slice(CHANNELS), 0.0)
    for channel, (number, factor, shape) in sources.items():
        project[channel, number, 0] = factor
        stretch[channel, 0, :STEPS_PER_FRAME] = shape


def _write_norms(layer: StreamingTransformerLayer, fixed: _Fixed) -> None:
    """Layer norms become all but linear; attention neither reads nor writes these channels."""
    width = len(layer.norm1.weight)
    deviation = LARGE * LARGE_FACTOR * (2 / width) ** 0.5
    layer.norm1.weight.fill_(deviation)
    layer.norm2.weight.fill_(deviation)
    fixed.set(layer.norm1.weight, INNER, 0.0)
    fixed.set(layer.norm1.bias, INNER, 0.0)
    fixed.set(layer.norm2.weight, INNER, deviation / PULSE)
    fixed.set(layer.norm2.weight, slice(PLUS, MINUS + 1), 0.0)
    fixed.set(layer.norm2.bias, INNER, 0.0)
    layer.norm2.bias[PLUS] = 1  # units have no bias of their own
    fixed.set(layer.self_attn.out_proj.weight, slice(CHANNELS), 0.0)
    fixed.set(layer.linear2.weight, slice(CHANNELS), 0.0)
    fixed.set(layer.layer_scale_2.scale, slice(CHANNELS), 1.0)
    # What is learned may come to read these channels, but begins without them.
    layer.linear1.weight[:, INNER] = 0
    layer.self_attn.in_proj.weight[:, INNER] = 0


# A unit: what it reads, in pulses (PLUS is a 1), and what it adds, in these channels' own sizes
_Unit = tuple[dict[int, float], dict[int, float]]


class _Units:
    """The feed-forward units of a layer."""

    def __init__(self, layer: StreamingTransformerLayer, fixed: _Fixed) -> None:
        self._layer, self._fixed = layer, fixed

    def write(self, units: list[_Unit]) -> None:
        read, add = self._layer.linear1.weight, self._layer.linear2.weight
        self._fixed.set(read, slice(len(units)), 0.0)
        self._fixed.set(add, (slice(None), slice(len(units))), 0.0)
        for unit, (reads, adds) in enumerate(units):
            for channel, factor in reads.items():
                read[unit, channel] = factor
            for channel, factor in adds.items():
                add[channel, unit] = factor


def _passed_on(reads: dict[int, float], adds: dict[int, float]) -> list[_Unit]:
    """A sum as it is: gelu(x) - gelu(-x) is x."""
    negative = {channel: -factor for channel, factor in reads.items()}
    return [(reads, adds), (negative, {channel: -factor for channel, factor in adds.items()})]


def _rounding_units() -> list[_Unit]:
    """ROUNDING becomes what rounding adds to the mean, MEAN nothing; phases get what is linear."""
    slope, size = RAMP_SLOPE * SHARPNESS, PULSE / SHARPNESS
    units: list[_Unit] = []
    for pulses in range(1, MOST_PULSES):
        half = pulses + 0.5 - PULSES_ABOVE
        source, sign = (MEAN, 1.0) if half > 0 else (ROUNDING, -1.0)
        for end, direction in ((1.0, sign), (0.0, -sign)):
            bias = SHARPNESS * end - slope * abs(half)
            units.append(({source: slope, PLUS: bias}, {ROUNDING: direction * size}))
    return [
        *units,
        *_passed_on({MEAN: 1.0, PLUS: HALF_RAMP}, {MEAN: -PULSE}),
        *_passed_on({ABOVE_PHASE: 1.0, RISE_PHASE: 1.0}, {PHASE: PULSE, MINUS_PHASE: -PULSE}),
        *_passed_on({ABOVE_SPEED: 1.0, RISE_SPEED: 1.0}, {SPEED: PULSE, MINUS_SPEED: -PULSE}),
    ]


def _knot_units() -> list[_Unit]:
    """Phases get the rest of rounding times its curve: (a + b)^2 - (a - b)^2 is 4 a b."""
    size = PULSE / (4 * (2 / torch.pi) ** 0.5 * SQUARE_SCALE**2)
    units: list[_Unit] = []
    for curve, target, negative in (
        (KNOT_PHASE, PHASE, MINUS_PHASE),
        (KNOT_SPEED, SPEED, MINUS_SPEED),
    ):
        for sign in (1.0, -1.0):
            for side in (SQUARE_SCALE, -SQUARE_SCALE):
                reads = {ROUNDING: side, curve: side * sign}
                units.append((reads, {target: sign * size, negative: -sign * size}))
    return units


def _wave_units() -> list[_Unit]:
    """Cosine and sine at each place of a step: straight lines, bent at their extremes."""
    units: list[_Unit] = []
    for place in range(PLACES):
        for phase, speed, sign in ((PHASE, SPEED, 1.0), (MINUS_PHASE, MINUS_SPEED, -1.0)):
            share = place / PLACES
            reads = {
                phase: WAVE_SHARPNESS,
                speed: WAVE_SHARPNESS * share,
                # The mean's speed is counted from one pulse a step.
                PLUS: WAVE_SHARPNESS * share * sign,
            }
            farthest = HIGHEST_PHASE if sign > 0 else -LOWEST_PHASE
            units += _wave(reads, WAVES[place], -1.0, 0.5, farthest)
            units += _wave(reads, WAVES[PLACES + place], sign, 0.25, farthest)
    return units


def _wave(
    reads: dict[int, float], target: int, start: float, first: float, farthest: float
) -> list[_Unit]:
    """On one side of a phase of nothing: a line, and its bends from `first` on, two a pulse."""
    slope = 4 * start / WAVE_SHARPNESS
    units: list[_Unit] = [(reads, {target: slope})]
    for number in range(int(2 * (farthest - first)) + 1):
        bias = reads[PLUS] - WAVE_SHARPNESS * (first + number / 2)
        units.append(({**reads, PLUS: bias}, {target: 2 * slope * (-1) ** (number + 1)}))
    return units
