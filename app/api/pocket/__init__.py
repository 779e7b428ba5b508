"""This package serves the API of `pocket-tts serve`."""

from app.api.pocket.speech import DIALECT, SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
