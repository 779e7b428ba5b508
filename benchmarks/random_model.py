"""Write a Pocket TTS model with random weights: a YAML config, a tokenizer and a safetensors file.

Random weights run at the true speed and through the true loading code, so tests and benchmarks
need no download. The audio is noise, but noise of a known length and level.

    python -m benchmarks.random_model --config english --out models/random-english
"""

from __future__ import annotations

import argparse
import pydoc_data.topics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import safetensors.torch
import tokenizers
import torch
import yaml
from pocket_tts import TTSModel
from pocket_tts.modules.stateful_module import init_states
from pocket_tts.utils.config import CONFIGS_DIR
from tokenizers import decoders, models, pre_tokenizers, trainers

NEVER_EOS_BIAS = -1000.0
OUTPUT_RMS = 0.1


def shipped_config(name: str) -> dict[str, Any]:
    """Read the YAML of a config that pocket-tts ships, such as `english`."""
    loaded: dict[str, Any] = yaml.safe_load((CONFIGS_DIR / f"{name}.yaml").read_text("utf-8"))
    return loaded


def write_random_model(
    config: dict[str, Any], folder: Path, *, seed: int = 0, eos_bias: float | None = NEVER_EOS_BIAS
) -> Path:
    """Write `model.yaml`, `tokenizer.json` and `model.safetensors` into `folder`.

    Args:
        config: a Pocket TTS config; its weight and tokenizer paths are replaced.
        eos_bias: bias of the EOS head. The default never fires, so that a text of n tokens gives
            the model's maximum of (n / 3 + 2) seconds; None leaves the random bias.

    Returns:
        The path of the YAML file, for `TTSModel.load_model(config=...)`.
    """
    folder = folder.resolve()  # the config works from any folder
    folder.mkdir(parents=True, exist_ok=True)
    table = config["flow_lm"]["lookup_table"]
    tokenizer_path = folder / "tokenizer.json"
    _train_tokenizer(int(table["n_bins"])).save(str(tokenizer_path))
    table |= {"tokenizer": "tokenizers", "tokenizer_path": str(tokenizer_path)}
    config = {k: v for k, v in config.items() if not k.startswith("weights_path")}
    config_path = folder / "model.yaml"
    config_path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")

    torch.manual_seed(seed)
    model = TTSModel.load_model(config=config_path)
    weights = _randomised(model, eos_bias)
    weights_path = folder / "model.safetensors"
    safetensors.torch.save_file(weights, weights_path)
    config["weights_path"] = str(weights_path)
    config_path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    return config_path


def _randomised(model: TTSModel, eos_bias: float | None) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        torch.nn.init.normal_(model.flow_lm.speaker_proj_weight, std=0.3)
        if eos_bias is not None:
            model.flow_lm.out_eos.bias.fill_(eos_bias)
        _level_output(model)
    return {name: tensor.contiguous().clone() for name, tensor in model.state_dict().items()}


def _level_output(model: TTSModel) -> None:
    """Scale the codec's last convolution so that random latents decode at OUTPUT_RMS."""
    latents = torch.randn(1, 25, model.flow_lm.ldim)
    state = init_states(model.mimi, batch_size=1, sequence_length=25 * 16)
    rms = model.mimi.decode_from_latent(latents, state).square().mean().sqrt()
    last = model.mimi.decoder.model[-1].conv
    last.weight.mul_(OUTPUT_RMS / rms)
    last.bias.mul_(OUTPUT_RMS / rms)


def _train_tokenizer(vocabulary_size: int) -> tokenizers.Tokenizer:
    """Train a byte-level BPE of exactly `vocabulary_size` on the standard library's prose."""
    tokenizer = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        special_tokens=["<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_english_prose(), trainer)
    return tokenizer


def _english_prose() -> Iterator[str]:
    yield from pydoc_data.topics.topics.values()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--config", default="english", help="name of a shipped config")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    path = write_random_model(shipped_config(arguments.config), arguments.out, seed=arguments.seed)
    print(path)


if __name__ == "__main__":
    main()
