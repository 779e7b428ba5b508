"""This package puts text into words; `app.text.normalise` is its door.

Each language has a room of its own, and those but English share `vocabulary/`. `languages.py`
registers them, `language.py` is what they have in common, and the rest is machinery of all."""
