"""Builds upstream's model over the file of its weights, without reading or copying all of it.

Upstream fills a model with random numbers, reads its file beside that and copies each tensor: most
of a second and twice the memory, for weights of which an engine makes its own anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from pocket_tts import TTSModel
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def load_mapped(config: Path) -> TTSModel:
    """Load a model whose largest parts lie where the file is mapped into memory.

    The system reads what of them is used, and takes it back when it likes. Whoever holds such a
    model for long may see its weights change with the file, so let go of them: `largest_parts`.

    Args:
        config: names one file of weights, as the released models do.

    Raises:
        Whatever `TTSModel.load_model` does.
    """
    with _Unfilled():
        return _Mapped.load_model(config=config)


def largest_parts(model: TTSModel) -> tuple[nn.Module, ...]:
    """Return the parts with nearly all weights; those only make voices once an engine runs."""
    return model.flow_lm.transformer, model.flow_lm.flow_net, model.mimi


_MAPPED = ("flow_lm.transformer.", "flow_lm.flow_net.", "mimi.encoder", "mimi.downsample.")
"""Engines make matrices of their own of these, or none. A tensor of the file that an engine kept
would keep all of the file mapped, and might change with it."""


class _Mapped(TTSModel):  # type: ignore[misc] # upstream has no types
    """Takes tensors over where upstream copies them."""

    def load_state_dict(
        self,
        state_dict: Mapping[str, Tensor],
        strict: bool = True,
        assign: bool = True,
    ) -> Any:
        taken = dict(state_dict)
        for name, own in self.state_dict().items():
            if name in taken:
                given = taken[name].to(own.dtype)
                is_kept = not name.startswith(_MAPPED) or own.dim() == 1
                taken[name] = given.clone() if is_kept else given
        return super().load_state_dict(taken, strict, assign=assign)


class _Unfilled(TorchFunctionMode):
    """Leaves tensors empty that would begin with random numbers; this thread's only."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = kwargs or {}
        if getattr(func, "__module__", None) == "torch.nn.init":
            return named["tensor"]
        return func(*args, **named)
