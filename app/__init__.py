"""A speech server: text in over HTTP, speech out, on ordinary CPUs."""

__version__ = "0.2.0"
