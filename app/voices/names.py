"""Checks and makes names of voices, each of which is the same file on every system."""

from __future__ import annotations

import re
import unicodedata

from app.errors import InvalidRequest, Parameter

MAX_NAME_CHARS = 64
MAX_ASKED_CHARS = 1000
"""No name that anybody asks for in earnest has more, with its white space and its marks."""
# A file name has 255 bytes on common systems; suffixes and temporary names need some of them.
_MAX_NAME_BYTES = 200
_MAX_STEM_BYTES = 240
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


def check_name(name: str) -> str:
    """Return a name that a voice can be given, in composed form (NFC).

    Raises:
        InvalidRequest: the name breaks a rule; the error says which.
    """
    name = name.strip()
    # Normalising takes time that is quadratic in the marks on one letter.
    if len(name) <= MAX_ASKED_CHARS:
        name = unicodedata.normalize("NFC", name)
    problem = _problem(name)
    if problem is not None:
        raise InvalidRequest(
            f"{Parameter.NAME} {problem}; a name has 1 to {MAX_NAME_CHARS} letters, digits, "
            "'_', '-' or '.', and does not begin or end with a '.'",
            field=Parameter.NAME,
        )
    return name


def check_length(stem: str) -> None:
    """Check that files can be called by a name and its owner's.

    Raises:
        InvalidRequest: they are too long together.
    """
    if len(stem.encode("utf-8", "replace")) > _MAX_STEM_BYTES:
        raise InvalidRequest(f"{Parameter.NAME} is too long as a file name", field=Parameter.NAME)


def folded(name: str) -> str:
    """Fold a name, so that names of the same voice are equal whatever their case.

    One that is too long for any voice stays as it is.
    """
    if len(name) > MAX_ASKED_CHARS:
        return name
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name.strip()).casefold())


def name_from(label: str) -> str:
    """Make a valid name that resembles a label, such as `My-Voice` for `My Voice!`."""
    composed = unicodedata.normalize("NFC", label[:MAX_ASKED_CHARS])
    kept = "".join(each if _is_allowed(each) else "-" for each in composed)
    name = re.sub(r"-{2,}", "-", kept).strip("-.")[:48].strip("-.")
    while len(name.encode()) > _MAX_NAME_BYTES:
        name = name[:-1]
    return name if name and _problem(name) is None else "voice"


def _problem(name: str) -> str | None:
    if len(name) > MAX_ASKED_CHARS:
        return f"has {len(name)} characters"
    refused = next((each for each in name if not _is_allowed(each)), None)
    # Windows takes the digits of COM¹ for plain ones.
    plain = unicodedata.normalize("NFKC", name).casefold()
    rules = (
        (not name, "is empty"),
        (len(name) > MAX_NAME_CHARS, f"has {len(name)} characters"),
        (len(name.encode("utf-8", "replace")) > _MAX_NAME_BYTES, "is too long as a file name"),
        (refused is not None, f"contains {refused!r}"),
        (name.startswith("."), "begins with a '.'"),
        (name.endswith("."), "ends with a '.'"),
        (_RESERVED.fullmatch(plain) is not None, f"{name!r} is reserved by Windows"),
    )
    return next((words for broken, words in rules if broken), None)


def _is_allowed(character: str) -> bool:
    return character.isalnum() or character in "_-."
