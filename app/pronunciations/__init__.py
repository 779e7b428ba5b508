"""This package keeps dictionaries of pronunciations, and reads and writes their file formats."""
