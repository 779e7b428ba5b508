"""Decides which files a model is loaded from.

A Pocket TTS model is a YAML config that names a tokenizer and weights, often in two forms: those
that can clone voices lie behind a licence gate, those that cannot are free. Whatever is complete on
this machine is used at once, cloning weights first; the hub is asked for what is missing, and later
for what is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from pocket_tts.utils.config import CONFIGS_DIR

from app.engine.hub import (
    REMOTE,
    NotCached,
    OnDownload,
    Refused,
    cached_file,
    discard_damaged,
    fetch_file,
    use_newest,
)
from app.errors import ModelUnavailable

_CLONING_WEIGHTS = "weights_path"
_PLAIN_WEIGHTS = "weights_path_without_voice_cloning"

_Get = Callable[[str], Path]
"""This maps the address of a file to where it lies on this machine."""


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """Holds a model whose files are all on this machine.

    Attributes:
        name: path or address of its config, for people.
        config: its config, in which every file is named by its absolute path.
        language: which of upstream's models it is; None if it is none of them.
        cloning_refused: why the weights that can clone voices are not used; None if they are.
    """

    name: str
    config: dict[str, Any]
    language: str | None
    cloning_refused: str | None

    def discard_damaged(self) -> list[str]:
        """Remove from the hub's cache what was damaged there; return the names of those files."""
        paths = [Path(section[key]) for section, key in references(self.config)]
        return [path.name for path in paths if discard_damaged(path)]


def cached_model(*, language: str, config: str | None) -> ModelFiles | None:
    """Return the model of `language`, or of `config`, if it is complete here; nobody is asked.

    Args:
        config: a local path, https:// or hf:// address of a YAML; takes the place of `language`.

    Raises:
        ModelUnavailable: says what is wrong with the config or a local file.
    """
    try:
        return _model_files(language, config, cached_file)
    except NotCached:
        return None


def fetch_model(
    *, language: str, config: str | None, on_download: OnDownload | None = None
) -> ModelFiles:
    """Fetch what the model lacks, and what is newer on the hub.

    Args:
        on_download: called for each file that is not cached, before it is fetched.

    Raises:
        ModelUnavailable: says what is missing, why, and what the operator can do.
    """
    got: list[str] = []

    def get(address: str) -> Path:
        path = fetch_file(address, on_download)
        got.append(address)
        return path

    files = _model_files(language, config, get)
    for address in got:
        use_newest(address)
    return files


def _model_files(language: str, config: str | None, get: _Get) -> ModelFiles:
    """Collect a model's files.

    Raises:
        NotCached, ModelUnavailable: as `get` does.
    """
    if config is not None and config.startswith(REMOTE):
        path = get(config)
        absolute: Callable[[str], str] = str
    else:
        path = Path(config).expanduser() if config else Path(CONFIGS_DIR) / f"{language}.yaml"
        absolute = partial(_beside, path.resolve())
    document = _read_yaml(path)
    refused: str | None = None
    for section, key in list(references(document)):
        if key == _PLAIN_WEIGHTS:
            continue
        try:
            found = get(absolute(section[key]))
        except (NotCached, Refused) as error:
            plain = document.get(_PLAIN_WEIGHTS)
            if section is not document or not isinstance(plain, str):
                raise
            refused = error.message
            found = get(absolute(plain))
        section[key] = str(found.absolute())
    document.pop(_PLAIN_WEIGHTS, None)
    is_shipped = path.is_relative_to(CONFIGS_DIR)
    return ModelFiles(config or language, document, path.stem if is_shipped else None, refused)


def _beside(config: Path, address: str) -> str:
    """Return the absolute path of a relative one, which starts at the folder of the config."""
    return address if address.startswith(REMOTE) else str(config.parent / address)


def _read_yaml(path: Path) -> dict[str, Any]:
    """Read a model's config.

    Raises:
        ModelUnavailable: it cannot be read, is not YAML, or is no mapping.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ModelUnavailable(
            f"MODEL_CONFIG {path} cannot be read: {error.strerror}; point it at a YAML file"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        discard_damaged(path)
        raise ModelUnavailable(f"MODEL_CONFIG {path} is not valid YAML: {error}") from error
    if not isinstance(document, dict):
        discard_damaged(path)
        raise ModelUnavailable(f"MODEL_CONFIG {path} is not a Pocket TTS config")
    return document


def references(document: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the (section, key) pairs of a config that name files."""
    flow_lm, mimi = document.get("flow_lm"), document.get("mimi")
    table = flow_lm.get("lookup_table") if isinstance(flow_lm, dict) else None
    for section, key in (
        (table, "tokenizer_path"),
        (flow_lm, _CLONING_WEIGHTS),
        (mimi, _CLONING_WEIGHTS),
        (document, _CLONING_WEIGHTS),
        (document, _PLAIN_WEIGHTS),
    ):
        if isinstance(section, dict) and isinstance(section.get(key), str):
            yield section, key
