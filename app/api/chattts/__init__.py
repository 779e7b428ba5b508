"""This package serves ChatTTS's API."""

from app.api.chattts.dialect import DIALECT
from app.api.chattts.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
