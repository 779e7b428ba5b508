"""Makes a running engine of its options: fetches and loads the model, then starts the engine."""

from __future__ import annotations

import logging
import os
import tempfile
import time
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pydantic
import safetensors
import torch
import yaml
from pocket_tts import TTSModel

from app.engine.engine import BatchedEngine
from app.engine.hub import OnDownload
from app.engine.mapped import load_mapped
from app.engine.precision import choose_precision
from app.engine.resting import RestingModel
from app.engine.weights import ModelFiles, cached_model, fetch_model, references
from app.engine.word_rules import PartedTokenizer, part_word_rules
from app.errors import ModelUnavailable
from app.speech_engine import EngineOptions

logger = logging.getLogger(__name__)

# The tokenizers library warns when a process with its threads starts another one, such as FFmpeg.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class EngineLoader:
    """Makes engines over one model, which is loaded once and kept.

    Args:
        on_download: called for each file that is not on this machine, before it is fetched.
        look_first: whether to ask the hub for better weights before any are loaded, for a process
            that does not live long enough to look later.
    """

    def __init__(
        self,
        options: EngineOptions,
        on_download: OnDownload | None = None,
        *,
        look_first: bool = False,
    ) -> None:
        self._options = options
        self._look_first = look_first
        self._on_download = on_download
        self._model: RestingModel | None = None
        self._engine: BatchedEngine | None = None
        self._files: ModelFiles | None = None
        self._newest: ModelFiles | None = None
        self._better: ModelFiles | None = None
        self._cloning_refused: str | None = None

    def __call__(self) -> BatchedEngine:
        """Load the model unless an earlier call did, and start an engine on it.

        What is complete on this machine is used without asking anybody, unless `look_first`.

        Raises:
            ModelUnavailable: says what is missing, why, and what the operator can do.
        """
        options = self._options
        if options.device != "cpu" and not torch.cuda.is_available():
            raise ModelUnavailable(
                f"MODEL_DEVICE={options.device}: torch finds no such device here; "
                "install its CUDA build, or set MODEL_DEVICE=cpu"
            )
        better, self._better = self._better, None
        files = better or self._files or self._first_files()
        if self._model is None or files is not self._files:
            self._model = self._resting(files)
            self._files = files
            self._explain_no_cloning(files.cloning_refused)
        try:
            engine = BatchedEngine(
                self._model,
                options,
                voices_of=self._files.language,
                cloning_refused=self._cloning_refused,
            )
        except ValueError as error:
            raise ModelUnavailable(f"{files.name} cannot be computed here: {error}") from error
        engine.start()
        self._engine = engine
        logger.info("speaking in %s on %s", engine.status().precision, options.device)
        return engine

    def forget(self) -> None:
        """Let go of the model and the engine; the next call loads the same files again."""
        if self._model is not None:
            self._model.close()
        self._model = self._engine = None

    def look(self) -> bool:
        """Ask the hub for what the loaded model lacks and what is newer, and fetch it.

        Blocks for as long as downloads take. What is merely newer speaks from the next start on:
        no voice changes while the server runs.

        Returns:
            Whether weights that can clone voices have come where there were none: the next call
            makes an engine on them.
        """
        loaded, engine = self._files, self._engine
        if loaded is None or engine is None:
            return False  # the model was put out of memory just now
        try:
            found = self._fetched(None)
        except ModelUnavailable as error:
            if loaded.cloning_refused is not None:
                self._explain_no_cloning(error.message)
                engine.explain_no_cloning(error.message)
            return False
        if found.cloning_refused is not None:
            self._explain_no_cloning(found.cloning_refused)
            engine.explain_no_cloning(found.cloning_refused)
        elif loaded.cloning_refused is not None:
            self._better = found
            return True
        if found.config not in (loaded.config, self._newest and self._newest.config):
            self._newest = found
            logger.info("%s has changed on the hub; it is used from the next start on", found.name)
        return False

    def _first_files(self) -> ModelFiles:
        """Return the files to begin with; raise ModelUnavailable if there are none."""
        cached = self._cached()
        if cached is not None and not self._look_first:
            return cached
        try:
            return self._fetched(self._on_download)
        except ModelUnavailable as error:
            if cached is None:
                raise
            refused = None if cached.cloning_refused is None else error.message
            return replace(cached, cloning_refused=refused)

    def _cached(self) -> ModelFiles | None:
        return cached_model(language=self._options.language, config=self._options.config)

    def _fetched(self, on_download: OnDownload | None) -> ModelFiles:
        return fetch_model(
            language=self._options.language, config=self._options.config, on_download=on_download
        )

    def _resting(self, files: ModelFiles) -> RestingModel:
        """Load a model, which may rest where the engine has other weights than the model's."""
        options = self._options
        try:
            precision = choose_precision(options.precision, torch.device(options.device))
        except ValueError as error:
            raise ModelUnavailable(f"MODEL_PRECISION={options.precision}: {error}") from error
        may_rest = options.device == "cpu" and precision.flow_lm != "float32"
        load = partial(load_model, files) if may_rest else None
        return RestingModel(_load_or_discard(files), load)

    def _explain_no_cloning(self, reason: str | None) -> None:
        """Remember why there is no voice cloning, and log it if that is news."""
        if reason is not None and reason != self._cloning_refused:
            logger.warning("serving without voice cloning: %s", reason)
        self._cloning_refused = reason


def load_model(files: ModelFiles) -> TTSModel:
    """Load a model.

    Raises:
        ModelUnavailable: says how the config or the weights are wrong.
    """
    started = time.monotonic()
    try:
        model = _loaded(files.config)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelUnavailable(
            f"{files.name} is not a Pocket TTS config: {where}: {first['msg']}"
        ) from error
    except safetensors.SafetensorError as error:
        raise ModelUnavailable(f"the weights of {files.name} are damaged: {error}") from error
    except (RuntimeError, ValueError, AssertionError, KeyError, OSError) as error:
        raise ModelUnavailable(f"{files.name} does not load: {error}") from error
    logger.info("model loaded in %.1f s: %s", time.monotonic() - started, files.name)
    return model


def _loaded(config: dict[str, Any]) -> TTSModel:
    """Load a model of a config with absolute paths; raise whatever pocket-tts does."""
    config = deepcopy(config)
    # Where weights lie in several files, upstream renames some, so it has to read them.
    load = load_mapped if "weights_path" in config else TTSModel.load_model
    # pocket-tts reads a config from a file only, and asks the hub for what it names there.
    with tempfile.TemporaryDirectory() as folder:
        parted = _without_word_rules(config, Path(folder))
        path = Path(folder) / "model.yaml"
        path.write_text(yaml.safe_dump(config, allow_unicode=True), "utf-8")
        model = load(config=path).eval()
    if parted is not None:
        model.flow_lm.conditioner.tokenizer.tokenizer.normalizer = parted.normalizer
    return model


def _without_word_rules(config: dict[str, Any], folder: Path) -> PartedTokenizer | None:
    """Let a config name a tokenizer without its rules for words, if they are many."""
    for section, key in references(config):
        if key != "tokenizer_path" or not section[key].endswith(".json"):
            continue
        parted = part_word_rules(Path(section[key]).read_text("utf-8"))
        if parted is not None:
            rest = folder / "tokenizer.json"
            rest.write_text(parted.rest, "utf-8")
            section[key] = str(rest)
        return parted
    return None


def _load_or_discard(files: ModelFiles) -> TTSModel:
    """Load a model; if it does not load because the cache is damaged, make room for a new copy.

    Raises:
        ModelUnavailable: as `load_model`, or that damaged files are fetched anew the next time.
    """
    try:
        return load_model(files)
    except Exception as error:  # a damaged tokenizer raises nothing more special
        damaged = files.discard_damaged()
        if not damaged:
            raise
        raise ModelUnavailable(
            f"{', '.join(damaged)} of {files.name} was damaged in the cache; it is fetched anew"
        ) from error
