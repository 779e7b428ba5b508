"""Keeps files for one server on its disk, or for several in an S3-compatible store."""
