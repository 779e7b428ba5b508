"""This package serves the Wyoming protocol, over which Home Assistant speaks."""
