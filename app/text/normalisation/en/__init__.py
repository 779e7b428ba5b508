"""English in words; `language.py` lists the rules in their order."""
