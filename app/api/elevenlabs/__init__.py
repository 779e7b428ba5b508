"""This package serves ElevenLabs' API."""

from app.api.elevenlabs.dialect import DIALECT
from app.api.elevenlabs.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
