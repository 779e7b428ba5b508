"""Measures the server and its parts; `make bench` runs everything."""
