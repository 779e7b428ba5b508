"""Listens to what the model has spoken, and has it spoken again where it is no good."""
