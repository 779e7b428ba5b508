"""This package says formulas written in LaTeX: `reading.py` finds them, `speaking.py` says them."""
