"""This package holds what all dialects share over HTTP: keys, forms, delivery, errors."""
