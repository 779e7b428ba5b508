"""Makes voice states: the keys and values of a voice prompt in the language model's cache."""

from __future__ import annotations

import hashlib
import logging
import threading
import wave
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import safetensors
import safetensors.torch
import torch
from pocket_tts import TTSModel
from pocket_tts.data.audio_utils import end_on_pause
from pocket_tts.models.model_state import _import_model_state
from pocket_tts.modules.stateful_module import ModelState, init_states
from pocket_tts.utils.utils import (
    _ORIGINS_OF_PREDEFINED_VOICES,
    get_predefined_voice,
)
from torch import Tensor

from app.engine.flow_lm import CacheShape
from app.engine.hub import NotThere, discard_damaged, fetch_file, names_beside
from app.engine.resting import RestingModel
from app.errors import InvalidClip, InvalidRequest, ModelUnavailable, VoiceNotFound
from app.speech import Pcm
from app.speech_engine import VOICE_MODEL_KEY
from app.work import NEVER_CANCELLED, CancelToken

logger = logging.getLogger(__name__)

MAX_VALUE = 10_000.0
"""A key or value of a voice is no larger. Those of real voices stay under 100, and at this size
products of them are still far from what any precision can hold."""

_FIRST_VOICES = ("alba", "marius", "javert", "jean", "fantine", "cosette", "eponine", "azelma")
# The weights that turn a recording into a voice state; models may differ in the others.
_VOICE_WEIGHTS = ("mimi.encoder", "mimi.downsample", "flow_lm.transformer", "flow_lm.speaker_proj")


@dataclass(frozen=True, slots=True, eq=False)
class KvPrefix:
    """Implements `VoiceState`: keys and values that every row speaking in the voice reads.

    Attributes:
        cache: `[layers, 2, heads, positions, head_dim]`, float32; never written to.
    """

    cache: Tensor = field(repr=False)

    @property
    def positions(self) -> int:
        """Tell how many positions of the language model the voice takes."""
        return self.cache.shape[3]

    @property
    def nbytes(self) -> int:
        """Tell how many bytes of memory the voice takes."""
        return self.cache.nbytes


class VoiceMaker:
    """Makes voice states with upstream's float32 encoder and transformer. Thread-safe.

    Args:
        resting: the model; read, never changed.
        shape: geometry of the states.
        device: where the states are kept.
        voices_of: which of upstream's models it is; None for one without predefined voices.
        cloning_refused: why the weights that can clone are not used; None if they are.
        prompts: recordings behind this model's predefined voices, by name; empty for a model
            whose voices were released with it.
    """

    def __init__(
        self,
        resting: RestingModel,
        shape: CacheShape,
        device: torch.device,
        *,
        voices_of: str | None = None,
        cloning_refused: str | None,
        prompts: Mapping[str, Path],
    ) -> None:
        self._prompts = prompts
        self._resting = resting
        self._voices_of = voices_of
        self.cloning_refused = cloning_refused
        self._on_hub: frozenset[str] | None = None
        self._shape = shape
        self._device = device
        self._lock = threading.Lock()

    @property
    def predefined(self) -> tuple[str, ...]:
        """List the names of the voices that ship with this model's weights."""
        if self._prompts:
            return tuple(self._prompts)
        if self._voices_of is None:
            return ()
        others = (name for name in _ORIGINS_OF_PREDEFINED_VOICES if name not in _FIRST_VOICES)
        known = (*_FIRST_VOICES, *others)
        return tuple(name for name in known if self._on_hub is None or name in self._on_hub)

    def encode(self, pcm: Pcm, cancel: CancelToken = NEVER_CANCELLED) -> KvPrefix:
        """Make the state of the voice that is heard in `pcm`, `[samples]` at the model's rate.

        This is upstream's `get_state_for_audio_prompt` without the flow head, whose output that
        function drops.

        Args:
            cancel: is looked at before each layer.

        Raises:
            InvalidClip: there are no samples, or some are not finite.
            ModelUnavailable: the weights came without the voice encoder.
        """
        if self.cloning_refused is not None:
            raise ModelUnavailable(f"this server cannot clone voices: {self.cloning_refused}")
        heard = torch.tensor(pcm, dtype=torch.float32)
        if heard.dim() != 1 or heard.numel() == 0 or not bool(heard.isfinite().all()):
            raise InvalidClip("the voice clip holds no usable audio")
        with (
            self._lock,
            self._resting.borrowed() as model,
            torch.no_grad(),
            _before_each_layer(model, cancel.check),
        ):
            return self._encoded(model, heard)

    def _encoded(self, model: TTSModel, heard: Tensor) -> KvPrefix:
        """Do the work of `encode` for samples that can be used."""
        flow_lm = model.flow_lm
        heard = end_on_pause(heard.to(self._device)[None], model.sample_rate)
        prompt = model._encode_audio(heard[None])
        if flow_lm.insert_bos_before_voice:
            prompt = torch.cat([flow_lm.bos_before_voice, prompt], dim=1)
        positions = prompt.shape[1]
        state = init_states(flow_lm, batch_size=1, sequence_length=positions)
        flow_lm.transformer(prompt, state)
        return self._from_caches([state[name]["cache"] for name in self._layer_names()], positions)

    def load(self, path: Path) -> KvPrefix:
        """Read the state from a file written by `save` or upstream's `export_model_state`.

        Raises:
            InvalidRequest: it is no such file, or one of another model.
        """
        try:
            state: ModelState = _import_model_state(path, torch.device("cpu"))
        except (OSError, ValueError, safetensors.SafetensorError) as error:
            raise InvalidRequest(f"{path.name} is not a voice state: {error}") from error
        problem = self._mismatch(state)
        if problem:
            raise InvalidRequest(f"{path.name} is not a voice state of this model: {problem}")
        names = self._layer_names()
        caches = [state[name]["cache"] for name in names]
        return self._from_caches(caches, int(state[names[0]]["offset"].view(-1)[0]))

    def predefined_state(self, name: str) -> KvPrefix:
        """Fetch or make the state of a voice that ships with the weights; may download.

        Raises:
            VoiceNotFound: this model has no such voice.
            ModelUnavailable: the state cannot be fetched.
        """
        if name not in self.predefined:
            raise VoiceNotFound(name, self.predefined)
        if self._prompts:
            return self.encode(_read_prompt(self._prompts[name]))
        assert self._voices_of is not None
        address = get_predefined_voice(self._voices_of, name)
        try:
            path = fetch_file(address)
        except NotThere:
            self._list_voices(address, name)
            raise VoiceNotFound(name, self.predefined) from None
        try:
            return self.load(path)
        except InvalidRequest as error:
            if not discard_damaged(path):
                raise ModelUnavailable(f"voice {name!r} cannot be used: {error.message}") from error
        return self.load(fetch_file(address))

    def _list_voices(self, address: str, missing: str) -> None:
        """Ask the hub which voices it has for this model, beside the one that is missing.

        Not every model has all of them. Where the list cannot be had, the others stay.
        """
        try:
            listed = {Path(each).stem for each in names_beside(address)}
        except ModelUnavailable as error:
            logger.warning("the voices of %s cannot be listed: %s", self._voices_of, error)
            listed = set(self.predefined)
        self._on_hub = frozenset(listed - {missing})

    @cached_property
    def fingerprint(self) -> str:
        """Return hex digits that differ between models whose voice states differ."""
        with self._resting.borrowed() as model:
            return fingerprint_of(model, _is_for_voices)

    def save(self, state: KvPrefix, path: Path) -> None:
        """Write a file that `load` and pocket-tts read.

        Raises:
            OSError: the disk refuses.
        """
        offset = torch.tensor([state.positions])
        layers = {
            name: {"cache": layer.transpose(1, 2)[:, None], "offset": offset.clone()}
            for name, layer in zip(self._layer_names(), state.cache, strict=True)
        }
        _write_state(layers, path, fingerprint=self.fingerprint)

    def _layer_names(self) -> list[str]:
        """List upstream's names of the modules that have a cache, first layer first."""
        return [f"transformer.layers.{i}.self_attn" for i in range(self._shape.layers)]

    def _mismatch(self, state: ModelState) -> str | None:
        """Say why `state` cannot be of this model; None if it can."""
        names = self._layer_names()
        if set(state) != set(names):
            return f"it has {len(state)} layers, the model has {len(names)}"
        for name in names:
            problem = self._layer_mismatch(state[name])
            if problem:
                return f"{name} {problem}"
        if len({int(state[name]["offset"].view(-1)[0]) for name in names}) != 1:
            return "its layers differ in length"
        return None

    def _layer_mismatch(self, layer: dict[str, Tensor]) -> str | None:
        """Say what is wrong with one layer's part of a state; None if nothing is."""
        if "cache" not in layer or "offset" not in layer or layer["offset"].numel() != 1:
            return "has no cache and offset"
        cache, offset = layer["cache"], int(layer["offset"].view(-1)[0])
        wanted = [2, 1, cache.shape[2] if cache.dim() == 5 else 0]
        wanted += [self._shape.heads, self._shape.head_dim]
        if list(cache.shape) != wanted:
            return f"has shape {list(cache.shape)}, expected {wanted}"
        if not cache.is_floating_point():
            return f"is {cache.dtype}, expected floating point"
        if not 1 <= offset <= cache.shape[2]:
            return f"ends at {offset} of {cache.shape[2]} positions"
        largest = float(cache[:, :, :offset].abs().max())
        if not largest <= MAX_VALUE:  # NaN is not
            return f"holds {largest:g}, and {MAX_VALUE:g} is the most with which one can compute"
        return None

    def _from_caches(self, caches: list[Tensor], positions: int) -> KvPrefix:
        """Make a state of upstream's caches, `[2, 1, >= positions, heads, head_dim]` per layer."""
        layers = [cache[:, 0, :positions].transpose(1, 2) for cache in caches]
        stacked = torch.stack(layers).to(self._device, torch.float32)
        return KvPrefix(stacked.contiguous())


@contextmanager
def _before_each_layer(model: TTSModel, call: Callable[[], None]) -> Iterator[None]:
    """Call a function before each layer of what encodes voices; nothing else runs them."""

    def called(*_: object) -> None:
        call()

    parts = (model.mimi.encoder, model.mimi.encoder_transformer, model.flow_lm.transformer)
    with ExitStack() as stack:
        for part in parts:
            for layer in part.modules():
                stack.enter_context(layer.register_forward_pre_hook(called))
        yield


def _read_prompt(path: Path) -> Pcm:
    """Read a WAV file of 16 bits, mono, at the model's rate."""
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    return (samples / 32768).astype(np.float32)


def _write_state(
    state: Mapping[str, Mapping[str, Tensor]], path: Path, *, fingerprint: str
) -> None:
    """Write a state in upstream's form to a file that pocket-tts reads.

    Args:
        state: per module `{"cache": [2, 1, positions, heads, head_dim], "offset": [1]}`.

    Raises:
        OSError: the disk refuses.
    """
    tensors = {
        f"{module}/{key}": tensor.cpu().contiguous()
        for module, values in state.items()
        for key, tensor in values.items()
    }
    # `save_file` would put a new file in the place of `path`, readable by its owner only.
    path.write_bytes(safetensors.torch.save(tensors, metadata={VOICE_MODEL_KEY: fingerprint}))


def _is_for_voices(name: str) -> bool:
    return name.startswith(_VOICE_WEIGHTS) or "voice" in name


def fingerprint_of(model: TTSModel, counts: Callable[[str], bool] | None = None) -> str:
    """Hash the names, shapes and values of weights: 32 hex digits of SHA-256. Blocks.

    Args:
        counts: tells by its name whether a tensor counts; None counts all.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        if counts is None or counts(name):
            digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
            flat = tensor.detach().cpu().contiguous().view(-1)
            digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()[:32]
