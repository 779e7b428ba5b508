"""This module spells acronyms: those it knows, and those without a vowel.

Words in capitals, known acronyms that are spoken as words and all in doubt are left alone.
"""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, rule, words

_SPELLED = words(
    "FBI CIA NSA IRS USA UK EU UN UAE USSR BBC CNN NBC ABC CBS ESPN HBO MTV PBS NPR HTML CSS "
    "HTTP HTTPS URL URI API SDK CPU GPU TPU SSD HDD USB PDF XML CSV SQL PHP DVD CD TV PC DIY "
    "FAQ ATM CEO CFO CTO COO CIO MBA PHD GDP GPS GSM LTE VPN IP TCP UDP DNS SSH FTP SMTP IMAP "
    "AI ML NLP LLM TTS STT ASR OCR UI UX OS IDE CLI AWS IBM AMD BMW VW KFC UPS DHL NYC LA DC "
    "NHS NFL NBA MLB NHL UFC WWE DNA RNA HIV MRI ECG EKG ICU IQ EQ VIP RSVP DJ MC HR PR QA ID "
    "PS PM BC AD CE BCE ETA FYI ATV SUV UFO RV LED LCD UV IR AC DC FM WWW IPO ETF IOU IRA VAT "
    "KGB NGO PTSD ADHD OCD CPR EMT SOS UTC GMT EST EDT PST PDT CST CDT MST MDT CET CEST BST "
    "NYPD LAPD MIT UCLA NYU USC ISBN ISO IEC QR LGBT LGBTQ AOC JFK MLK FDR EV ROI KPI "
    "CI UHD HD VR EEG EMG FAA FDA EPA NIH IMF ECB EEA GUI NDA "
    "RFID SEO SMS SUV UAV UTI URI USPS USDA OEM ISP AGM ASL ESL ERP AKA OMG IDK IMO NSFW "
    "PTA RIP EOD"
)
_SOUNDS = words("MR MRS MS DR ST MT VS LTD HMM SHH PSST BRR TSK NTH MX JR SR FT BLVD PFFT GRR ZZZ")
_VOWELS = frozenset("AEIOUY")


def _spell(found: re.Match[str]) -> str | None:
    word, ending = found[1], found[2] or ""
    if not _is_spelled(word):
        return None
    return " ".join(word) + ending


def _is_spelled(word: str) -> bool:
    if word in _SPELLED:
        return True
    if word in _SOUNDS or len(word) > 5 or not word.isascii() or len(set(word)) == 1:
        return False
    return not _VOWELS.intersection(word)


ACRONYMS: tuple[Rule, ...] = (
    rule(r"(?<![\w])PhD(s?)(?!\w)", lambda found: f"P H D{found[1]}", needs="P"),
    rule(r"(?<=[Tt]he )US(?!\w)", "U S", needs="U"),
    rule(
        r"(?<![\w'’])([A-Z]{2,6})(s(?!\w)|['’]s(?!\w))?(?!\w)(?!['’]\w)",
        _spell,
        needs="ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    ),
    rule(r"(?<!\w)R&D(?!\w)", "R and D", needs="&"),
    rule(r"(?<!\w)Q&A(?!\w)", "Q and A", needs="&"),
)
