"""The parts of text normalisation; `app.text.normalise` puts them together."""
