"""A tiny model as pocket-tts refers to the released ones: parts of it in two repositories."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import safetensors.torch
import torch
import yaml
from pocket_tts import TTSModel, export_model_state
from pocket_tts.utils.utils import get_predefined_voice

from tests.audio.probe import voice_like
from tests.hub import Hub

GATED, OPEN = "kyutai/pocket-tts", "kyutai/pocket-tts-without-voice-cloning"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = "languages/english/model.safetensors"
TOKENIZER = "languages/english/tokenizer.json"
CLONING_WEIGHTS = f"hf://{GATED}/{WEIGHTS}@{COMMIT}"
PLAIN_WEIGHTS = f"hf://{OPEN}/{WEIGHTS}@{COMMIT}"
VOICES = ("alba", "marius")
TOKEN = "hf_accepted"


@dataclass(frozen=True)
class Parts:
    """The contents of the model's files."""

    config: dict[str, object]
    tokenizer: bytes
    cloning_weights: bytes
    plain_weights: bytes
    voice: bytes


def parts_of(tiny_model: Path, scratch: Path) -> Parts:
    """The parts of a tiny model; its plain weights lack the encoder, as the released ones do."""
    config = yaml.safe_load(tiny_model.read_text("utf-8"))
    weights = Path(config["weights_path"])
    tokenizer = Path(config["flow_lm"]["lookup_table"]["tokenizer_path"])
    tensors = safetensors.torch.load_file(weights)
    plain = {
        name: torch.zeros_like(tensor) if "mimi.encoder" in name else tensor
        for name, tensor in tensors.items()
    }
    model = TTSModel.load_model(config=tiny_model)
    state = model.get_state_for_audio_prompt(torch.from_numpy(voice_like(1.5))[None])
    export_model_state(state, scratch / "voice.safetensors")
    return Parts(
        config,
        tokenizer.read_bytes(),
        weights.read_bytes(),
        safetensors.torch.save(plain),
        (scratch / "voice.safetensors").read_bytes(),
    )


def publish(parts: Parts, hub: Hub) -> None:
    """Put the parts where the config of `ship` says they are, the cloning weights behind a gate."""
    hub.put(CLONING_WEIGHTS, parts.cloning_weights)
    hub.put(PLAIN_WEIGHTS, parts.plain_weights)
    hub.put(f"hf://{OPEN}/{TOKENIZER}", parts.tokenizer)
    for name in VOICES:
        hub.put(get_predefined_voice("english", name), parts.voice)
    hub.gated.add(GATED)
    hub.tokens.add(TOKEN)


def hub_config(parts: Parts) -> dict[str, object]:
    """The config with addresses of the hub, as pocket-tts ships it."""
    config = yaml.safe_load(yaml.safe_dump(parts.config))
    config["flow_lm"]["lookup_table"]["tokenizer_path"] = f"hf://{OPEN}/{TOKENIZER}@{COMMIT}"
    config["weights_path"] = CLONING_WEIGHTS
    config["weights_path_without_voice_cloning"] = PLAIN_WEIGHTS
    return dict(config)


def ship(parts: Parts, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the model the `english` of pocket-tts."""
    folder.mkdir()
    (folder / "english.yaml").write_text(yaml.safe_dump(hub_config(parts)), "utf-8")
    monkeypatch.setattr("app.engine.weights.CONFIGS_DIR", folder)


def use_hub(hub: Hub, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the hub's client of this process ask `hub` and keep files in `cache`.

    It reads its environment only when it is imported.
    """
    constants = "huggingface_hub.constants"
    monkeypatch.setattr(f"{constants}.HF_HUB_OFFLINE", False)
    monkeypatch.setattr(f"{constants}.ENDPOINT", hub.url)
    template = f"{hub.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(f"{constants}.HF_TOKEN_PATH", str(cache / "no-token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
