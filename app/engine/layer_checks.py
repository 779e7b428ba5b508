"""Compares layers of reduced precision with float32, on the machine that is to compute them.

Libraries choose a kernel by processor and by shape, and some kernels are wrong: with torch 2.13 on
AMX some bfloat16 convolutions differ from float32 by more than the result itself. Nothing but the
sound would tell. So each layer is tried out when a model is loaded, on a few frames of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Layer = Callable[[Tensor], Tensor]

MOST_ERROR = {"int8": 0.3, "bfloat16": 0.05}
"""Norm of the error beside that of the result. Wrong layers are near 1. The worst that was measured
of right ones is 0.015 and 0.007, or 0.07 in int8 of weights with outliers of 60 deviations."""

_BFLOAT16_ROUNDING = 2.0**-8


class LayerChecks:
    """Tries out layers, and remembers the names of those that do not compute what they should.

    Attributes:
        wrong: names of the layers that have to be computed in float32.
    """

    def __init__(self) -> None:
        self.wrong: list[str] = []

    def passes(
        self,
        name: str,
        precision: str,
        exact: Layer,
        reduced: Layer,
        x: Tensor,
        *,
        at_once: Sequence[int],
        bias: Tensor | None = None,
    ) -> bool:
        """Tell whether a reduced layer computes about what the exact one does.

        Args:
            name: what the layer is called if it does not.
            precision: of the reduced layer, `int8` or `bfloat16`.
            x: float32 input of some rows.
            at_once: numbers of rows for which the reduced layer is tried; kernels may differ.
            bias: what the layer adds to each result; it must not hide that the rest is wrong.
        """
        with torch.inference_mode():
            y = exact(x)
            right = all(
                _is_close(reduced(x[:rows]).float(), y[:rows], bias, MOST_ERROR[precision])
                for rows in at_once
            )
        if not right:
            self.wrong.append(name)
        return right


def _is_close(y: Tensor, exact: Tensor, bias: Tensor | None, most_error: float) -> bool:
    product = exact if bias is None else exact - bias
    allowed = most_error * torch.linalg.vector_norm(product)
    if bias is not None:
        allowed += _BFLOAT16_ROUNDING * torch.linalg.vector_norm(exact)
    return bool(torch.linalg.vector_norm(y - exact) <= allowed)  # NaN is not


def noise(*shape: int, device: torch.device) -> Tensor:
    """Make normal noise that is the same for every call."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)).to(device)
