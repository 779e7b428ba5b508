"""This package serves Flash-TTS's API."""

from app.api.flash.dialect import DIALECT
from app.api.flash.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
