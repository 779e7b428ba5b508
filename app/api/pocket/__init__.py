"""This package serves the API of `pocket-tts serve`."""

from app.api.pocket.dialect import DIALECT
from app.api.pocket.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
