"""This package serves ChatTTS's API."""

from app.api.chattts.speech import DIALECT, SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
