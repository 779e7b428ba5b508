"""This module joins words that were broken at the end of a line, with or without their hyphen."""

from __future__ import annotations

import re
from functools import partial
from types import MappingProxyType

from app.text.mapped import MappedText
from app.text.normalisation.rules import words

_COMPOUND_STARTS = words(
    "cross deep double early eight eighty ever far fast fifty first five forty four free full good "
    "half hard high large late left life long low many mid middle mother near new nine ninety old "
    "quick right second self seven seventy short single six sixty small soft third thirty three "
    "twenty two user well wide world year"
)
_CLOSED = words(
    "crossroad crossroads crosswalk crossword crosswords crossover crossfire crossbow crossbar "
    "crosstalk deepened deepens doubled doubles everlasting evergreen evermore farther farthest "
    "farmer farmers farming fastened fastener firstborn firsthand freedom freedoms freelance "
    "freelancer freelancers freelancing freeway freeways freehold freestyle freehand freeze "
    "fullback goodbye goodbyes goodwill halfway halftime halfback halfpipe hardware hardship "
    "hardships hardcover hardback hardball hardwood hardwired hardliner hardened harden highlight "
    "highlights highlighted highlighting highway highways highland highlands highlander highbrow "
    "largest larger lateral laterally latent latest latecomer latecomers leftover leftovers "
    "leftmost leftward lifetime lifetimes lifestyle lifestyles lifeboat lifeguard lifelong "
    "lifelike lifeline lifespan longitude longitudes longitudinal longhand longevity longhorn "
    "longshore longtime lowland lowlands lowered manifold midnight midday midweek midway midterm "
    "midterms midtown midfield midfielder midfielders midsummer midwinter midpoint midwife "
    "midwives midwest midsize midstream midair midrange midlife midseason middleman middlemen "
    "middleware motherhood motherboard motherboards motherland nearby newborn newborns newcomer "
    "newcomers newfound newfoundland newcastle newport newton newspeak newlywed newlyweds older "
    "oldest quicksand quicksilver quickstep righteous righteously righteousness rightful "
    "rightmost secondary secondarily secondly selfish selfless selfie selfies seventh shortage "
    "shortages shortbread shortcake shortcoming shortcomings shortcut shortcuts shortfall "
    "shortfalls shorthand shortlist shortlisted shortwave singleton singletons sixpence smallpox "
    "smaller smallest softball software softwood softback softened softener threesome foursome "
    "twosome twofold threefold fourfold fivefold sixfold sevenfold eightfold ninefold username "
    "usernames wellness wellbeing wellspring widespread widened worldwide worldly yearbook "
    "yearbooks yearling yearlong"
)
"""These begin as compounds do, but have no hyphen."""
_COMPOUND_ENDS = words("of to in and or the up down off on out by at for")
_COMPOUND_SECONDS = words(
    "making based related driven oriented friendly specific aware called known sized shaped level "
    "free looking faced minded handed"
)
_FORMER = words(
    "president wife husband girlfriend boyfriend minister member chief king partner convict "
    "soldier employee colleague lover officer player champion director called"
)
"""Words that stand after "ex-", and one after "so-"."""
_SUFFIXES = words(
    "ly er est ed ing ings ness ment ful less able en ty th teen ish ers ies al ic ion ions fold s"
)
_KEPT_BEFORE = MappingProxyType({
    "fr": words("il elle on ils elles je tu nous vous moi toi lui leur être même mêmes dire midi"),
    "pt": words("lhe lhes feira"),
})  # fmt: skip
_SHARING = MappingProxyType({"de": words("und oder bis"), "nl": words("en of")})
_BROKEN = re.compile(
    r"(?<![\w-])([^\W\d_]{1,30}|\d{1,4})[-‐‑]\n[ \t]*(?=([^\W\d_]{2,20}(?![^\W\d_])|\d))"
)


def join_broken(text: MappedText, language: str) -> MappedText:
    """Join words that are broken at the end of a line.

    Args:
        text: with line feeds.
        language: two letters; they tell which words keep the hyphen at which they are broken.
    """
    if "\n" not in text.text:
        return text
    return text.sub(_BROKEN, partial(_join, language=language))


def _join(found: re.Match[str], language: str) -> str | None:
    """Join a broken word; of two compounds that share their end, "Vor- und", both stay."""
    first, second = found[1], found[2]
    if first[0].isdigit() or second[0].isdigit():
        same = first[0].isdigit() == second[0].isdigit() or first.isupper()
        return f"{first}-" if same else None
    if second in _SHARING.get(language, ()):
        return f"{first}- "
    return f"{first}-" if _keeps_hyphen(first, second, language) else first


def _keeps_hyphen(first: str, second: str, language: str) -> bool:
    if second[0].isupper() or first.isupper() or len(first) == 1:
        return True
    if language != "en":
        return second in _KEPT_BEFORE.get(language, ())
    start = first.lower()
    if start + second in _CLOSED:
        return False
    if second in _COMPOUND_ENDS or (second in _COMPOUND_SECONDS and len(first) > 3):
        return True
    if start in {"ex", "so"}:
        return second in _FORMER
    return start in _COMPOUND_STARTS and second not in _SUFFIXES
