"""Knows who calls, by which key, and what each caller may do."""
