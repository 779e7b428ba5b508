"""Stage `export`: one folder that `TTSModel.load_model(config=...)` loads.

The language model has learned from normalised latents, but what it hears of a prompt is raw. So
the weights that read prompts are made to normalise; their bias is the weight of the latents' 1.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import yaml
from pocket_tts import TTSModel

from training.preview.architecture import preview_config
from training.preview.corpus import Corpus, Spoken
from training.preview.latents import CONSTANT
from training.preview.symbols import write_tokenizer
from training.preview.vocoder import FRAME, SAMPLE_RATE_HZ
from training.preview.voices import SHIPPED, Speaker
from training.preview.wav_files import write_wav
from training.preview.workspace import Workspace

CONFIG, WEIGHTS, TOKENIZER = "preview.yaml", "preview.safetensors", "tokenizer.json"
BASIS = "latent_basis.safetensors"
PROMPT_FRAMES = 48  # 3.8 seconds
SHIPPED_FOLDER = Path(__file__).parents[2] / "app" / "preview"
ENCODER_PARTS = ("encoder.", "encoder_transformer.", "downsample.")


def half(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Floats at half precision, but the latents' mean and deviation."""
    return {
        name: (
            value.half() if value.dtype == torch.float32 and "emb_" not in name else value
        ).contiguous()
        for name, value in weights.items()
    }


def merged_weights(
    model: TTSModel,
    language_model: dict[str, torch.Tensor],
    decoder: dict[str, torch.Tensor],
    encoder: dict[str, torch.Tensor],
) -> dict[str, Any]:
    """The whole model's weights from its three parts; the heads of training stay out."""
    weights: dict[str, torch.Tensor] = dict(model.state_dict())
    spoken = _of_model(language_model)
    speaker = spoken["speaker_proj_weight"] / spoken["emb_std"]
    speaker[:, CONSTANT] = 0
    speaker[:, CONSTANT] = -speaker @ spoken["emb_mean"]
    weights |= {f"flow_lm.{name}": value for name, value in spoken.items()}
    weights["flow_lm.speaker_proj_weight"] = speaker
    weights |= {f"mimi.{name}": value for name, value in _of_model(decoder).items()}
    heard = {name: value for name, value in encoder.items() if name.startswith(ENCODER_PARTS)}
    weights |= {f"mimi.{name}": value for name, value in heard.items()}
    model.load_state_dict(weights)
    return weights


def _of_model(learned: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {
        name.removeprefix("model."): value
        for name, value in learned.items()
        if name.startswith("model.")
    }


def export(workspace: Workspace, folder: Path) -> Path:
    """Write the model into `folder` and return its config, with paths relative to itself."""
    corpus = Corpus.load(workspace.corpus)
    prompts = voice_prompts(workspace, corpus)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / CONFIG
    lexicon = json.loads(workspace.lexicon.read_text("utf-8"))
    write_tokenizer(folder / TOKENIZER, {word: tuple(phones) for word, phones in lexicon.items()})
    path.write_text(yaml.safe_dump(preview_config(TOKENIZER), allow_unicode=True), "utf-8")
    parts = [
        torch.load(workspace.checkpoint(part), map_location="cpu")["average"]
        for part in ("language_model", "decoder", "encoder")
    ]
    weights = merged_weights(load_exported(path), *parts)
    basis = {name: torch.from_numpy(value).half() for name, value in vars(corpus.basis).items()}
    _save(half(weights), folder / WEIGHTS)
    _save(basis, folder / BASIS)
    write_voices(prompts, folder)
    config = preview_config(TOKENIZER, WEIGHTS)
    path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
    return path


def load_exported(config: Path) -> TTSModel:
    """The model of a config; its paths are relative to itself, not to the working directory."""
    document = yaml.safe_load(config.read_text("utf-8"))
    table = document["flow_lm"]["lookup_table"]
    table["tokenizer_path"] = str(config.parent / table["tokenizer_path"])
    if "weights_path" in document:
        document["weights_path"] = str(config.parent / document["weights_path"])
    with tempfile.TemporaryDirectory() as folder:
        absolute = Path(folder) / config.name
        absolute.write_text(yaml.safe_dump(document), "utf-8")
        return TTSModel.load_model(config=absolute)


def _save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    # Not save_file: it makes files that only their owner can read.
    part = path.with_suffix(".part")
    part.write_bytes(safetensors.torch.save(tensors))
    part.replace(path)


def prompts_in(corpus: Corpus, speaker: Speaker) -> list[Spoken]:
    """What the voice says that is long enough for a prompt; if nothing is, what it says first."""
    spoken = [u for u in corpus.utterances if u.voice == speaker.name]
    return [u for u in spoken if len(u.latents) >= PROMPT_FRAMES] or spoken[:1]


def write_prompt(spoken: Spoken, path: Path) -> None:
    write_wav(path, spoken.audio[: PROMPT_FRAMES * FRAME].numpy() / 32768, SAMPLE_RATE_HZ)


def voice_prompts(workspace: Workspace, corpus: Corpus) -> dict[str, Spoken]:
    """The prompt of each shipped voice: as stage `prompts` chose, or else the first long enough.

    Raises ValueError if a chosen one is not in the corpus.
    """
    chosen: dict[str, str] = {}
    if workspace.chosen_prompts.exists():
        chosen = json.loads(workspace.chosen_prompts.read_text("utf-8"))
    prompts = {}
    for voice in SHIPPED:
        candidates = {spoken.text: spoken for spoken in prompts_in(corpus, voice)}
        text = chosen.get(voice.name) or next(iter(candidates))
        if text not in candidates:
            raise ValueError(
                f"{voice.name} does not say {text!r} in this corpus: delete "
                f"{workspace.chosen_prompts} and run the stage prompts again"
            )
        prompts[voice.name] = candidates[text]
    return prompts


def write_voices(prompts: dict[str, Spoken], folder: Path) -> None:
    """Write the prompts, and which sex each voice has, into a model's folder."""
    (folder / "voices").mkdir(exist_ok=True)
    for name, spoken in prompts.items():
        write_prompt(spoken, folder / "voices" / f"{name}.wav")
    voices = {voice.name: {"sex": sex} for voice, sex in SHIPPED.items()}
    (folder / "voices.json").write_text(json.dumps(voices, indent=2) + "\n", "utf-8")


def run(workspace: Workspace, *, shipped: bool = False) -> None:
    """Into the workspace; with `shipped`, into app/preview."""
    path = export(workspace, SHIPPED_FOLDER if shipped else workspace.model)
    total = sum(file.stat().st_size for file in path.parent.rglob("*") if file.is_file())
    print(f"{path.parent}: {total / 1e6:.1f} MB")
