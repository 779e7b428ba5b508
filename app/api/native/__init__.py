"""This package serves this server's own API."""
