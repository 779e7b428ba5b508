"""This server's own API."""
