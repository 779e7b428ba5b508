"""This package serves small protocols of speech servers that people run at home."""

from app.api.small.dialect import DIALECT
from app.api.small.routes import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
