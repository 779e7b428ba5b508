"""Turns marks into captions: cues that people can read, and the files that players know."""
