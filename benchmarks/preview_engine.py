"""Makes an engine over the preview voice, which is there without a download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.assembly.models import engine_options
from app.engine.engine import BatchedEngine
from app.engine.loader import EngineLoader
from app.settings import load_settings


@contextmanager
def preview_engine(**fields: Any) -> Iterator[BatchedEngine]:
    """Run a started engine until the block ends; `fields` are settings."""
    with TemporaryDirectory() as models:
        settings = load_settings(
            Path("no.env"),
            models_dir=Path(models),
            auth_disabled=True,
            model_language="preview",
            **fields,
        )
        engine = EngineLoader(
            engine_options(settings, "preview", "en"), lambda _: None, look_first=False
        )()
        try:
            yield engine
        finally:
            engine.close()
