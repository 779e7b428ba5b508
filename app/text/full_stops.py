"""This module tells full stops that shorten a word from those that end a sentence.

A missed sentence end costs little, as chunks hold several sentences; a false one breaks a sentence
apart. In doubt, the stop does not end the sentence.
"""

from __future__ import annotations

import re
from enum import Enum


class Stop(Enum):
    """Says what a full stop after an abbreviation, an initial or an ordinal does."""

    BINDS = "binds"
    """It binds the abbreviation to the next word: a title to a name, "No." to its number."""
    SHORTENS = "shortens"
    """It ends the abbreviation only."""
    ENDS = "ends"
    """It ends the sentence too."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TITLES = _words(
    "dr mr mrs ms mx prof rev hon gen col capt cpt lt sgt maj cmdr gov sen messrs mt "
    "mme mlle mgr me hr hrn fr frl dipl sra srta dña dra exmo exma "
    "sig sig.ra sig.na dott dott.ssa avv prof.ssa dhr mevr mw drs"
)
_NUMBERED = _words(
    "no nos nr nrs fig figs vol vols ch chap sec art eq pp pg par tab abb abs bd kap núm num "
    "pág págs pag pagg cap blz bl ca approx max min jan feb mar apr jun jul aug sept sep oct okt "
    "nov dec dez tel ext op"
)
_NEVER_LAST = _words(
    "e.g i.e eg ie vs cf viz approx resp esp incl excl ca vgl bzw z.b d.h u.a o.ä ggf evtl sog "
    "inkl mio mrd i.d.r z.t env p.ex p.ej p.es av bijv bv o.a d.w.z evt zgn m.b.t t.a.v aprox "
    "ud uds vd núm pág c.-à-d"
)
_TIMES_AND_SUCH = _words("a.m p.m etc usw ecc enz")
_EITHER = _words(
    "inc ltd co corp bros jr sr st ave blvd rd dept est ed ex al ft gmbh ag univ assn ph.d "
    "s.p.a eds jan feb aug sept oct nov dec"
)
_CALENDAR = _words(
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
    "June July August September October November December EST EDT CST CDT MST MDT PST PDT GMT UTC "
    "CET CEST BST ET PT"
)
_SENTENCE_STARTERS = _words(
    # English
    "The A An I You He She It We They This That These Those There Here Then But And So Or When "
    "While If In On At After Before As For From To With My Your His Her Its Our Their What Who "
    "Why How Where Which Is Are Was Were Do Did Does Not No Yes Now Once Later Meanwhile However "
    "Also Another All Some Most Many Nobody Everyone Each Since Because Although Until Please Let "
    # French
    "Le La Les Un Une Des Il Elle Ils Elles Nous Vous Je Tu Ce Cette Ces Mais Et Puis Alors Dans "
    "En Pour Quand Si "
    # German
    "Der Die Das Ein Eine Er Sie Es Wir Ihr Ich Du Und Aber Dann Im Am Wenn Als Was Wer Wie "
    # Spanish
    "El Los Las Una Él Ella Ellos Yo Tú Nosotros Pero Y Cuando Luego "
    # Italian
    "Lo Gli Lui Lei Loro Ma E Poi Quando Se "
    # Portuguese
    "O Os As Um Uma Ele Ela Eles Mas Depois "
    # Dutch
    "De Het Een Hij Zij Ze Wij Ik Jij Maar Toen"
)
_DOTTED_LETTERS = re.compile(r"[^\W\d_]{1,2}(?:\.-?[^\W\d_]{1,2})+")
_LEADING_WORD = re.compile(r"([^\W\d_]+)(?!\w)(\.?)")


def stop_after(word: str, following: str) -> Stop | None:
    """Say what the full stop after `word` does, or None where `word` is no abbreviation.

    Args:
        word: what stands before the full stop, its inner stops included ("p.m"), without spaces.
        following: the text after it, beginning with its first letter or digit.
    """
    key = word.casefold()
    is_letter = len(word) == 1 and word.isalpha()
    if following[:1].isdigit() and (key in _NUMBERED or is_letter):
        return Stop.BINDS
    if key in _TITLES or word == "M":
        return Stop.BINDS
    if key in _NEVER_LAST:
        return Stop.SHORTENS
    if key in _TIMES_AND_SUCH:
        return _ends_if(following[:1].isupper() and _leading_word(following) not in _CALENDAR)
    is_ordinal = len(word) <= 2 and word.isdecimal()
    if key in _EITHER or is_letter or is_ordinal or _DOTTED_LETTERS.fullmatch(word):
        return _ends_if(_leading_word(following) in _SENTENCE_STARTERS)
    return None


def begins_sentence(text: str) -> bool:
    """Tell whether a text begins with a word that most often begins a sentence, in capitals."""
    return _leading_word(text) in _SENTENCE_STARTERS


def _ends_if(condition: bool) -> Stop:
    return Stop.ENDS if condition else Stop.SHORTENS


def _leading_word(text: str) -> str:
    found = _LEADING_WORD.match(text)
    if found is None or (found[2] and len(found[1]) == 1):
        return ""
    return found[1]
