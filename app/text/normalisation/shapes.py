"""This module holds the shapes of what is spelled character by character in every language."""

from __future__ import annotations

_HEX = "[0-9A-Fa-f]"
UUID = rf"(?<![\w-]){_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}(?![\w-])"
MAC_ADDRESS = rf"(?<![\w:.-]){_HEX}{{2}}([:-])(?:{_HEX}{{2}}\1){{4}}{_HEX}{{2}}(?![\w:-])"
HEXADECIMAL = rf"(?<![\w.])0[xX]({_HEX}{{1,64}})(?!\w)"
HASH = (
    r"(?<![\w.#-])(?=[0-9a-f]{0,128}[a-f])(?=[0-9a-f]{0,128}\d)[0-9a-f]{7,128}(?![\w-])"
    r"|(?<![\w.#-])(?=[0-9A-F]{0,128}[A-F])(?=[0-9A-F]{0,128}\d)[0-9A-F]{8,128}(?![\w-])"
)
IBAN = r"(?<!\w)[A-Z]{2}\d{2}(?:[ ]?[\dA-Z]{4}){3,7}(?:[ ]?[\dA-Z]{1,4})?(?!\w)"
"""It is the number of an account at a bank."""
