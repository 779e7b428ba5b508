"""This package checks what clients send, and words errors for them."""
