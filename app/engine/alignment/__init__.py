"""Finds out when the words of a chunk sound, without tensors: all of it needs numpy only."""
