"""Makes the language model's output and noise into the next latent: the flow head."""

from copy import deepcopy

import torch
from pocket_tts.models.flow_lm import FlowLMModel
from pocket_tts.modules.mlp import ResBlock, SimpleMLPAdaLN
from torch import Tensor, nn
from torch.nn import functional

from app.engine.backbone import Scripted
from app.engine.precision import Linears


class FlowNet(nn.Module):
    """Computes upstream's `SimpleMLPAdaLN`, the modulations of all blocks in one matrix product.

    Every block modulates with a linear map of the same `silu(y)`; their weights are stacked and
    the `1 +` of each scale is folded into the bias.
    """

    def __init__(self, net: SimpleMLPAdaLN, linears: Linears) -> None:
        super().__init__()
        self.width = net.model_channels
        self.input_proj = linears.make(
            "flow_head.input_proj", net.input_proj.weight, net.input_proj.bias
        )
        parts = [block.adaLN_modulation[1] for block in net.res_blocks]
        parts.append(net.final_layer.adaLN_modulation[1])
        bias = torch.cat([_with_unit_scale(part.bias, self.width) for part in parts])
        weight = torch.cat([part.weight for part in parts])
        self.modulation = linears.make("flow_head.modulation", weight, bias)
        self.blocks = nn.ModuleList(
            [
                _Block(block, linears, f"flow_head.blocks.{index}")
                for index, block in enumerate(net.res_blocks)
            ]
        )
        last = net.final_layer.linear
        self.linear = linears.make("flow_head.linear", last.weight, last.bias)

    def forward(self, condition: Tensor, time: Tensor, x: Tensor) -> Tensor:
        """Evaluate the network once.

        Args:
            condition: `[rows, width]`, what `cond_embed` made of the language model's output.
            time: `[width]`, the embedding of the step's times; zeros for heads without.
            x: `[rows, ldim]`.

        Returns:
            `[rows, ldim]`.
        """
        x = self.input_proj(x)
        modulations = self.modulation(functional.silu(condition + time)).split(self.width, -1)
        for i, block in enumerate(self.blocks):
            x = block(x, modulations[3 * i], modulations[3 * i + 1], modulations[3 * i + 2])
        x = functional.layer_norm(x, [self.width], None, None, 1e-6)
        return self.linear(torch.addcmul(modulations[-2], x, modulations[-1]))  # type: ignore[no-any-return]


class _Block(nn.Module):
    """Computes upstream's `ResBlock`, given its modulation."""

    norm_weight: Tensor
    norm_bias: Tensor

    def __init__(self, block: ResBlock, linears: Linears, name: str) -> None:
        super().__init__()
        self.width = block.channels
        self.register_buffer("norm_weight", block.in_ln.weight.detach().float())
        self.register_buffer("norm_bias", block.in_ln.bias.detach().float())
        self.linear1 = linears.make(f"{name}.linear1", block.mlp[0].weight, block.mlp[0].bias)
        self.linear2 = linears.make(f"{name}.linear2", block.mlp[2].weight, block.mlp[2].bias)

    def forward(self, x: Tensor, shift: Tensor, scale: Tensor, gate: Tensor) -> Tensor:
        """Compute the block; all are `[rows, width]`, and `scale` includes the 1."""
        h = functional.layer_norm(x, [self.width], self.norm_weight, self.norm_bias, 1e-6)
        h = self.linear1(torch.addcmul(shift, h, scale))
        h = self.linear2(functional.silu(h))
        return torch.addcmul(x, gate, h)


class FlowHead:
    """Decodes noise into latents for rows that may differ in their number of decode steps.

    Args:
        flow_lm: upstream's model; its weights are copied.
        linears: makes its linear maps, whose names begin with `flow_head`.
    """

    def __init__(self, flow_lm: FlowLMModel, linears: Linears) -> None:
        self._type = flow_lm.flow_type
        # A copy, for the model's own may rest; it is looked at again for each new number of steps.
        self._time_embeddings = deepcopy(flow_lm.flow_net.time_embed)
        self._net = Scripted(FlowNet(flow_lm.flow_net, linears).to(linears.device))
        embed = flow_lm.flow_net.cond_embed
        self._embed = linears.make("flow_head.cond_embed", embed.weight, embed.bias)
        self._width = flow_lm.flow_net.model_channels
        self._device = linears.device
        self._times: dict[tuple[int, int], Tensor] = {}

    def decode(self, z: Tensor, noise: Tensor, decode_steps: list[int]) -> Tensor:
        """Decode noise into latents for all rows.

        Args:
            z: `[rows, cond]`, the language model's output.
            noise: `[rows, ldim]`, the starting points.
            decode_steps: per row; the one-step heads ignore it.

        Returns:
            `[rows, ldim]`.
        """
        condition = self._embed(z)
        if len(set(decode_steps)) == 1 or self._type in ("drifting", "pointwise"):
            return self._decode_together(condition, noise, decode_steps[0])
        latents = torch.empty_like(noise)
        for steps in set(decode_steps):
            rows = [row for row, wanted in enumerate(decode_steps) if wanted == steps]
            latents[rows] = self._decode_together(condition[rows], noise[rows], steps)
        return latents

    def _decode_together(self, condition: Tensor, noise: Tensor, steps: int) -> Tensor:
        """Decode rows with the same number of steps, as upstream's `*_decode` functions do.

        Those are `lsd_decode`, `ot_decode`, `drifting_decode` and `pointwise_decode`.
        """
        if self._type == "drifting":
            latent: Tensor = self._net(condition, self._time(0, 1), noise)
            return latent
        if self._type == "pointwise":
            change: Tensor = self._net(condition, self._time(0, 1), noise)
            return noise + change
        x = noise
        for step in range(steps):
            x = x + self._net(condition, self._time(step, steps), x) / steps
        return x

    def _time(self, step: int, steps: int) -> Tensor:
        """Compute the mean embedding of the times at `step`, and keep it: `[width]`."""
        known = self._times.get((step, steps))
        if known is None:
            times = ((step / steps), ((step + 1) / steps))
            known = torch.zeros(self._width, device=self._device)
            for embedder, time in zip(self._time_embeddings, times, strict=False):
                time_embedding = embedder(torch.tensor([time], device=self._device))
                known = known + time_embedding / len(self._time_embeddings)
            self._times[step, steps] = known
        return known


def _with_unit_scale(bias: Tensor, width: int) -> Tensor:
    """Add 1 to the scale's part of a modulation's bias, which is (shift, scale, ...).

    Upstream computes `x * (1 + scale) + shift`.
    """
    bias = bias.detach().float().clone()
    bias[width : 2 * width] += 1.0
    return bias
