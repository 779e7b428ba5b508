"""Turns PCM into audio files and streams and back; knows numpy and FFmpeg, but no model."""
