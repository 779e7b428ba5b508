"""Keeps connections: who may have one, how much of the loop it may take, and when it ends."""
