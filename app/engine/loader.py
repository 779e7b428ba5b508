"""Makes a running engine of its options: fetches and loads the model, then starts the engine."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pydantic
import safetensors
import torch
from pocket_tts import TTSModel

from app.engine.engine import BatchedEngine
from app.engine.weights import ModelFiles, OnDownload, fetch_model
from app.errors import ModelUnavailable
from app.speech_engine import EngineOptions

logger = logging.getLogger(__name__)

# The tokenizers library warns when a process with its threads starts another one, such as FFmpeg.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class EngineLoader:
    """Makes engines over one model, which is loaded once and kept.

    Args:
        on_download: called for each file that is not on this machine, before it is fetched.
    """

    def __init__(self, options: EngineOptions, on_download: OnDownload | None = None) -> None:
        self._options = options
        self._on_download = on_download
        self._model: TTSModel | None = None
        self._files: ModelFiles | None = None

    def __call__(self) -> BatchedEngine:
        """Load the model unless an earlier call did, and start an engine on it.

        Raises:
            ModelUnavailable: says what is missing, why, and what the operator can do.
        """
        options = self._options
        if options.device != "cpu" and not torch.cuda.is_available():
            raise ModelUnavailable(
                f"MODEL_DEVICE={options.device}: torch finds no such device here; "
                "install its CUDA build, or set MODEL_DEVICE=cpu"
            )
        if self._model is None or self._files is None:
            self._files = fetch_model(
                language=options.language,
                config=options.config,
                resolved_dir=options.models_dir / "resolved",
                on_download=self._on_download,
            )
            self._model = load_model(self._files.config_path)
        try:
            engine = BatchedEngine(
                self._model, options, cloning_refused=self._files.cloning_refused
            )
        except ValueError as error:
            raise ModelUnavailable(f"MODEL_PRECISION={options.precision}: {error}") from error
        engine.start()
        logger.info("speaking in %s on %s", engine.status().precision, options.device)
        return engine


def load_model(config_path: Path) -> TTSModel:
    """Load the model of a YAML config whose files are all on this machine.

    Raises:
        ModelUnavailable: says how the config or the weights are wrong.
    """
    started = time.monotonic()
    try:
        model = TTSModel.load_model(config=config_path)
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelUnavailable(
            f"{config_path} is not a Pocket TTS config: {where}: {first['msg']}"
        ) from error
    except safetensors.SafetensorError as error:
        raise ModelUnavailable(f"the weights of {config_path} are damaged: {error}") from error
    except (RuntimeError, ValueError, AssertionError, KeyError, OSError) as error:
        raise ModelUnavailable(f"{config_path} does not load: {error}") from error
    model.eval()
    logger.info("model loaded in %.1f s from %s", time.monotonic() - started, config_path)
    return model
