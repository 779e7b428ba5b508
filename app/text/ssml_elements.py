"""This module lists the tags of SSML, their attributes, and why some are refused."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Content(Enum):
    """Says what becomes of the text inside a tag."""

    SPOKEN = "spoken"
    REPLACED = "replaced"
    """It is text alone, and something else is spoken in its place."""
    UNSPOKEN = "unspoken"
    """It holds notes for other programs and is passed over, whatever tags are inside."""


class Element(NamedTuple):
    """Describes a tag by the attributes it may have, beside prefixed ones such as `xml:id`."""

    content: Content
    attributes: tuple[str, ...] = ()
    required: str | None = None


ELEMENTS = {
    "speak": Element(Content.SPOKEN, ("version",)),
    "p": Element(Content.SPOKEN),
    "s": Element(Content.SPOKEN),
    "break": Element(Content.SPOKEN, ("time", "strength")),
    "sub": Element(Content.REPLACED, ("alias",), required="alias"),
    "say-as": Element(
        Content.REPLACED, ("interpret-as", "format", "detail"), required="interpret-as"
    ),
    "prosody": Element(Content.SPOKEN, ("rate", "volume", "pitch")),
    "voice": Element(Content.SPOKEN, ("name",), required="name"),
    "emphasis": Element(Content.SPOKEN, ("level",)),
    "lang": Element(Content.SPOKEN, ("onlangfailure",), required="xml:lang"),
    "lexicon": Element(Content.SPOKEN, ("uri", "type"), required="uri"),
    "lookup": Element(Content.SPOKEN, ("ref",), required="ref"),
    "mark": Element(Content.SPOKEN, ("name",)),
    "desc": Element(Content.UNSPOKEN),
    "meta": Element(Content.UNSPOKEN),
    "metadata": Element(Content.UNSPOKEN),
}

REFUSED = {
    "audio": "recordings cannot be put into speech",
    "phoneme": (
        "the model reads letters, not phonemes; write the word as it sounds, "
        'such as <sub alias="toe-mah-toe">tomato</sub>'
    ),
}
