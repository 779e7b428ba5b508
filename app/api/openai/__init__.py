"""This package serves OpenAI's audio API."""

from app.api.openai.dialect import DIALECT
from app.api.openai.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
