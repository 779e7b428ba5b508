"""This package puts languages into words that are described by tables, all but English.

`words.py` says what a language has to fill in, `saying.py` says single things with it, a file for
each kind of writing finds them in a text, and `language.py` puts these rules in order.
"""
