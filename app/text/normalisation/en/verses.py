"""This module says references to the Bible in English: "Gen. 1:3", "2 Cor. 5:17-19"."""

from __future__ import annotations

import re

from app.text.normalisation.en.numbers import cardinal, ordinal
from app.text.normalisation.rules import Rule, alternatives, rule, words

_BOOKS = {
    "Gen": "Genesis", "Ex": "Exodus", "Exod": "Exodus", "Lev": "Leviticus", "Num": "Numbers",
    "Deut": "Deuteronomy", "Josh": "Joshua", "Judg": "Judges", "Sam": "Samuel",
    "Chron": "Chronicles",
    "Neh": "Nehemiah", "Ps": "Psalm", "Prov": "Proverbs", "Eccl": "Ecclesiastes", "Isa": "Isaiah",
    "Jer": "Jeremiah", "Ezek": "Ezekiel", "Dan": "Daniel", "Hos": "Hosea", "Mic": "Micah",
    "Zech": "Zechariah", "Mal": "Malachi", "Matt": "Matthew", "Rom": "Romans",
    "Cor": "Corinthians", "Gal": "Galatians", "Eph": "Ephesians", "Phil": "Philippians",
    "Col": "Colossians", "Thess": "Thessalonians", "Tim": "Timothy", "Heb": "Hebrews",
    "Jas": "James", "Pet": "Peter", "Rev": "Revelation",
}  # fmt: skip
_FULL_BOOKS = sorted(
    {*_BOOKS.values(), "Psalms", "Mark", "Luke", "John", "Acts", "Job", "Ruth", "Kings", "Esther"}
    | {"Ezra", "Joel", "Amos", "Jonah", "Titus", "Jude"}
)
_CLEAR_BOOKS = _BOOKS.keys() - words("Sam Dan Tim Phil Mic Mal Col Num Gal Rev")
"""Without a full stop the others are rather names and words."""


def _verse(found: re.Match[str]) -> str:
    book = _BOOKS.get(found[2], found[2])
    position = f"{ordinal(found[1]).capitalize()} " if found[1] else ""
    chapter, last = found[5], found[6]
    spoken = f"{position}{book} {cardinal(found[3])}"
    if chapter:
        return f"{spoken} verse {cardinal(found[4])} to {cardinal(chapter)} verse {cardinal(last)}"
    if last:
        return f"{spoken} verses {cardinal(found[4])} to {cardinal(last)}"
    return f"{spoken} verse {cardinal(found[4])}"


VERSES: tuple[Rule, ...] = (
    rule(
        rf"(?<!\w)(?:([123]) )?({alternatives((*_FULL_BOOKS, *_CLEAR_BOOKS))}"
        rf"|(?:{alternatives(_BOOKS)})(?=\.))\.? (\d{{1,3}}):(\d{{1,3}})(?:[-–](?:(\d{{1,3}}):)?"
        r"(\d{1,3}))?(?![\w:–-]|[.,]\d| ?[AaPp]\.? ?[Mm](?!\w))",
        _verse,
        needs=":",
    ),
)
