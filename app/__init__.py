"""Serves speech: text comes in over HTTP, and speech goes out, on ordinary CPUs."""

__version__ = "0.2.0"
