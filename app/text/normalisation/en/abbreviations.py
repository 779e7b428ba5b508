"""This module says English abbreviations in full: titles, streets, firms, calendar, Latin."""

from __future__ import annotations

import re

from app.text.full_stops import Stop, stop_after
from app.text.normalisation.en.numbers import pairs
from app.text.normalisation.rules import Rule, alternatives, rule


def _with_capitals(names: dict[str, str]) -> dict[str, str]:
    """Add each abbreviation in capitals, as titles and old addresses have it."""
    in_capitals = {word.upper(): full for word, full in names.items() if len(word) > 1}
    return {**in_capitals, **names}


_TITLES = _with_capitals({
    "Dr": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Ms": "Miz", "Prof": "Professor",
    "Rev": "Reverend", "Hon": "Honorable", "Gen": "General", "Col": "Colonel", "Capt": "Captain",
    "Cpt": "Captain", "Lt": "Lieutenant", "Sgt": "Sergeant", "Maj": "Major", "Cmdr": "Commander",
    "Gov": "Governor", "Sen": "Senator", "Rep": "Representative", "Pres": "President",
    "St": "Saint", "Mt": "Mount", "Ft": "Fort", "Fr": "Father", "Messrs": "Messieurs",
    "Supt": "Superintendent", "Insp": "Inspector", "Det": "Detective",
})  # fmt: skip
_WITHOUT_STOP = ("Dr", "Mr", "Mrs", "Ms", "Prof", "St", "Mt", "DR", "MR", "MRS", "MS", "PROF")
_STREETS = _with_capitals({
    "Dr": "Drive", "St": "Street", "Ave": "Avenue", "Av": "Avenue", "Blvd": "Boulevard",
    "Rd": "Road", "Ln": "Lane", "Hwy": "Highway", "Pkwy": "Parkway", "Ct": "Court", "Pl": "Place",
    "Sq": "Square", "Ter": "Terrace", "Cir": "Circle",
})  # fmt: skip
_STREET_NAMES = ("Street", "Avenue", "Road", "Lane", "Boulevard", "Drive", "Court", "Way")
_DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest",
    "SE": "Southeast", "SW": "Southwest", "N.E": "Northeast", "N.W": "Northwest",
    "S.E": "Southeast", "S.W": "Southwest",
}  # fmt: skip
_DIRECTION = alternatives(_DIRECTIONS)
_ANYWHERE = {
    "vs": "versus", "etc": "et cetera", "e.g": "for example", "i.e": "that is",
    "approx": "approximately", "Inc": "Incorporated", "Ltd": "Limited", "Corp": "Corporation",
    "Co": "Company", "Bros": "Brothers", "Jr": "Junior", "Sr": "Senior", "Esq": "Esquire",
    "dept": "department", "Dept": "Department", "est": "established", "Est": "established",
    "govt": "government", "Govt": "Government", "Assn": "Association", "Univ": "University",
    "viz": "namely", "cf": "compare", "et al": "et al", "incl": "including", "excl": "excluding",
    "misc": "miscellaneous", "Ave": "Avenue", "Blvd": "Boulevard", "Hwy": "Highway",
    "Rd": "Road", "Pkwy": "Parkway",
    "a.k.a": "A K A",
    "Ph.D": "P H D", "Jan": "January", "Feb": "February", "Apr": "April", "Aug": "August",
    "Sept": "September", "Oct": "October", "Nov": "November", "Dec": "December",
    "Tues": "Tuesday", "Thurs": "Thursday", "Thur": "Thursday", "ca": "circa", "Tel": "telephone",
    "tel": "telephone", "Ext": "extension", "ext": "extension", "max": "maximum", "min": "minimum",
    "avg": "average", "temp": "temperature", "resp": "respectively", "esp": "especially",
}  # fmt: skip
_ANYWHERE |= {
    word.upper(): _ANYWHERE[word]
    for word in (
        "vs", "etc", "approx", "Inc", "Ltd", "Corp", "Co", "Bros", "Jr", "Sr", "Esq", "dept", "est",
        "govt", "Assn", "Univ", "incl", "excl", "misc", "Ave", "Blvd", "Hwy", "Rd", "Pkwy", "Jan",
        "Feb", "Apr", "Aug", "Sept", "Oct", "Nov", "Dec", "Tel", "Ext", "max", "min", "avg", "temp",
    )
}  # fmt: skip
_ALSO_CAPITAL = ("approx", "e.g", "i.e", "viz", "cf", "incl", "excl", "misc", "avg", "ca", "esp")
_ANYWHERE_FORMS = (*_ANYWHERE, *(word.capitalize() for word in _ALSO_CAPITAL))
_BEFORE_NUMBER = {
    "No": "number", "no": "number", "Nos": "numbers", "nos": "numbers", "Nr": "number",
    "Fig": "figure", "fig": "figure", "Figs": "figures", "figs": "figures", "vol": "volume",
    "Vol": "volume", "vols": "volumes", "Vols": "volumes", "p": "page", "P": "page", "pp": "pages",
    "pg": "page", "Pg": "page", "pgs": "pages",
    "ch": "chapter", "Ch": "chapter", "chap": "chapter", "Chap": "chapter",
    "sec": "section", "Sec": "section", "art": "article", "Art": "article", "eq": "equation",
    "Eq": "equation", "par": "paragraph", "Ext": "extension", "ext": "extension",
    "Tel": "telephone", "Rm": "room", "Ste": "suite", "Apt": "apartment", "apt": "apartment",
    "Op": "opus", "op": "opus", "c": "circa",
    "ca": "circa", "Ca": "Circa",
    "NO": "number", "NOS": "numbers", "FIG": "figure", "VOL": "volume", "CH": "chapter",
    "SEC": "section", "ART": "article", "RM": "room", "STE": "suite", "APT": "apartment",
    "Dep": "departure", "dep": "departure", "Arr": "arrival", "arr": "arrival",
    "TEL": "telephone", "EXT": "extension", "PP": "pages", "OP": "opus",
}  # fmt: skip
_DAYS = {
    "Mon": "Monday", "Tue": "Tuesday", "Tues": "Tuesday", "Wed": "Wednesday", "Thu": "Thursday",
    "Thur": "Thursday", "Thurs": "Thursday", "Fri": "Friday", "Sat": "Saturday", "Sun": "Sunday",
}  # fmt: skip
_DAYS |= {word.upper(): day for word, day in _DAYS.items()}
_DAY = alternatives(_DAYS)
_A_MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_SPOKEN_TITLE = re.compile(r"(?:Mr|Mrs|Ms|Dr|Prof|MR|MRS|DR|PROF)\. ")
_NAME = r"[A-Z][\w'’-]{0,40}"
_STREET_NAME = rf"(?:{_NAME}|\d{{1,3}}(?:st|nd|rd|th|ST|ND|RD|TH))"


def ends_sentence(found: re.Match[str], word: str) -> bool:
    """Tell whether the full stop of an abbreviation at the end of a match ends a sentence too."""
    if not found[0].endswith("."):
        return False
    ahead = found.string[found.end() : found.end() + 40]
    if not ahead.strip() or ahead.lstrip(" ").startswith("\n"):
        return True
    if not ahead[0].isspace():
        return ahead[0] in "\"')" and not ahead[1:].strip()
    ahead = ahead.lstrip(" \n\"'(")
    return bool(_SPOKEN_TITLE.match(ahead)) or stop_after(word, ahead) is Stop.ENDS


def _stop(found: re.Match[str], word: str) -> str:
    return "." if ends_sentence(found, word) else ""


def _address(found: re.Match[str]) -> str:
    house = found[1]
    if 3 <= len(house) <= 4:
        house = pairs(house)
    letter, towards = found[2], _DIRECTIONS.get(found[3] or "", "")
    parts = (house, letter, towards, found[4], _STREETS.get(found[5], found[5]))
    after = f" {_DIRECTIONS[found[6]]}" if found[6] else ""
    return " ".join(filter(None, parts)) + (after or _stop(found, found[5]))


def _street(found: re.Match[str]) -> str:
    return f"{found[1]} {_STREETS[found[2]]}" + _stop(found, found[2])


def _anywhere(found: re.Match[str]) -> str | None:
    word = found[1]
    before = found.string[max(0, found.start() - 2) : found.start()].rstrip()
    if word == "min" and before[-1:].isdigit():
        return None
    full = _ANYWHERE.get(word) or _ANYWHERE[word.lower()]
    if word[0].isupper() and full[0].islower() and not word[1:].isupper():
        full = full[0].upper() + full[1:]
    return full + _stop(found, word)


def _extreme(found: re.Match[str]) -> str:
    return "Maximum" if found[0].startswith("Max") else "Minimum"


def _days(found: re.Match[str]) -> str:
    return f"{_DAYS[found[1]]} to {_DAYS[found[2]]}" + _stop(found, found[2])


def _initials(found: re.Match[str]) -> str:
    letters = " ".join(char for char in found[0] if char.isalpha())
    return letters + _stop(found, found[0].rstrip("."))


ABBREVIATIONS: tuple[Rule, ...] = (
    # An abbreviated street follows its name; behind a house number, capitals may come after it.
    rule(
        rf"(?<![\w.,])(?<!(?:In|in) )(\d{{1,6}})([A-Za-z]?)(?: ({_DIRECTION})\.?)?"
        rf" ({_STREET_NAME}(?: {_STREET_NAME}){{0,2}}) "
        rf"({alternatives((*_STREETS, *_STREET_NAMES))})(?!\w)\.?(?:,? ({_DIRECTION})(?![\w]))?",
        _address,
        needs="0123456789",
    ),
    rule(
        rf"(?<!\w)({_STREET_NAME}) ({alternatives(_STREETS)})"
        r"(?:\.(?=,| [a-z\d(]|\s*$|\n)|(?=,|\n|$))",
        _street,
        needs="DSABRLHPCT",
    ),
    rule(
        rf"(?<![\w.])({alternatives(_TITLES)})\.(?= ?[A-Z]\w|\s?[A-Z]\.)(?: (?=\S))?",
        lambda found: f"{_TITLES[found[1]]} ",
        needs=".",
    ),
    rule(
        rf"(?<![\w.])({alternatives(_WITHOUT_STOP)}) (?=[A-Z][a-z]|(?<=[A-Z] )(?<!ST )(?<!MS"
        rf" )[A-Z]{{3}})",
        lambda found: f"{_TITLES[found[1]]} ",
    ),
    rule(
        r"(?<![\w.])(Dr|Mr|Mrs|Ms|Prof|DR|MR|MRS|PROF)\.",
        lambda found: _TITLES[found[1]] + _stop(found, found[1]),
        needs=".",
    ),
    rule(
        rf"(?<![\w.])(?<!\d )({alternatives(_BEFORE_NUMBER)})\. ?(?=#?\d)",
        lambda found: f"{_BEFORE_NUMBER[found[1]]} ",
        needs=".",
    ),
    rule(r"(?<![\w.])(Apt|APT|Ste|STE) (?=#?\d)", lambda found: f"{_BEFORE_NUMBER[found[1]]} "),
    rule(r"(?<=\d )ea\.?(?!\w)", lambda found: "each" + _stop(found, "ea")),
    rule(
        r"(?<![\w.])([Ee]q|[Ff]ig|[Ss]ec)s?\. ?(?=\(\d)",
        lambda found: f"{_BEFORE_NUMBER[found[1]]} ",
        needs="(",
    ),
    rule(r"(?:Max|Min)\.(?<![\w.]....)(?= [a-z\d])", _extreme, needs="."),
    rule(r"(?<![\w.])(pp?) (?=\d)", lambda found: f"{_BEFORE_NUMBER[found[1]]} "),
    rule(rf"(?<!\w)({_DAY})\.? ?[-–—] ?({_DAY})(?!\w)\.?", _days, needs="-–—"),
    rule(
        rf"(?<!\w)({_DAY})(?:\.,?|,)(?= (?:\d|{_A_MONTH}(?!\w)|at(?!\w)))",
        lambda found: _DAYS[found[1]] + ("," if found[0].endswith(",") else ""),
    ),
    rule(
        r"(?<=\d(?:st|nd|rd|th) )ed\.(?!\w)",
        lambda found: "edition" + _stop(found, "ed"),
        needs=".",
    ),
    rule(
        rf"(?<![\w/])((?:{_DAY})(?:/(?:{_DAY})){{1,6}})(?![\w/])",
        lambda found: " slash ".join(_DAYS[day] for day in found[1].split("/")),
        needs="/",
    ),
    # The lookbehind comes late, as a search is fast when its first character is known.
    rule(
        r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?<!\w...)(?:(?<!Sat)(?<!Sun)(?= \d)"
        rf"|(?= \d{{1,2}}(?:st|nd|rd|th| ?[ap]m|:\d\d)(?!\w)| {_A_MONTH}\.? \d)"
        r"|(?:s|rs?)(?![\w.]))",
        lambda found: _DAYS.get(found[0]),
        needs="MTWFS",
    ),
    rule(rf"(?<=[Oo][Nn] )({_DAY})(?!\w)\.?", lambda found: _DAYS[found[1]] + _stop(found, "Mon")),
    rule(
        rf"(?<![\w.])({alternatives(_ANYWHERE_FORMS)})\.(?![\w])",
        _anywhere,
        needs=".",
    ),
    rule(r"(?<![\w.])(etc|vs)(?![\w.])", _anywhere),
    rule(
        r"(?<![\w.])(eg|ie)\.?,", lambda found: "for example," if found[1] == "eg" else "that is,"
    ),
    rule(r"(?<![\w.])(Jr|Sr)(?![\w.])", _anywhere, needs="JS"),
    rule(r"(?<!\w)w/o(?!\w)", "without", needs="/"),
    rule(r"(?<!\w)w/ ?(?=\w)", "with ", needs="/"),
    rule(r"(?<!\w)c/o(?!\w)", "care of", needs="/"),
    rule(r"(?<!\w)b/c(?!\w)", "because", needs="/"),
    rule(r"(?<!\w)[nN]/[aA](?!\w)", "not applicable", needs="/"),
    rule(r"(?<![\w.])(?:[A-Za-z]\.){1,7}[A-Z]\.(?!\w)", _initials, needs="."),
    rule(
        r"(?<![\w.])(?:[A-Z]\.){2,7}(?=\w)",
        lambda found: " ".join(found[0].split(".")).rstrip() + " ",
        needs=".",
    ),
)
