"""This package puts English into words; `language.py` lists its rules in their order."""
