"""Prepares a machine and generates pages of the documentation."""
