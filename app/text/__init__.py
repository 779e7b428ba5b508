"""This package turns a script into the chunks that the model speaks; it knows nothing but text."""
