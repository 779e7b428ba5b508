"""This package serves Fish Audio's API."""

from app.api.fish.dialect import DIALECT
from app.api.fish.speech import SUPPORT, router

__all__ = ["DIALECT", "SUPPORT", "router"]
