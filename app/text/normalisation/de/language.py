"""This module has what German alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.de.words import WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.figures import figure_rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.saying import before, leading_word
from app.text.normalisation.vocabulary.words import Gender, Noun

_DATIVE = "in|im|vor|nach|mit|seit|von|zu|bei|aus|ab|an|am|unter|binnen|innerhalb|zwischen"
_ACCUSATIVE = "für|um|ohne|durch|gegen|je|pro"
_WEAK = (
    r"[Aa]m|[Vv]om|[Zz]um|[Zz]ur|[Bb]eim|[Dd]em|[Dd]en|[Dd]es|[Ii]m|[Aa]b|[Ss]eit|[Bb]is|[Aa]ns|"
    r"[Ii]ns|[Dd]ieses|[Dd]iesem|[Dd]iesen|[Jj]edem|[Jj]eden|[Mm]einem|[Ss]einem|[Ii]hrem|[Uu]nserem|"
    r"[Mm]einen|[Ss]einen|[Ii]hren|[Mm]einer|[Ss]einer|[Ii]hrer|[Ee]iner|[Ee]inem|[Ee]inen|[Dd]eren|"
    r"[Bb]is zum|[Zz]wischen dem"
)
"""An ordinal after one of these words ends in -n: "am dritten Mai"."""
_STRONG_MASCULINE = r"[Ee]in|[Mm]ein|[Ss]ein|[Ii]hr|[Uu]nser|[Kk]ein"
_ARTICLE = (
    r"[Dd]er|[Dd]ie|[Dd]as|[Jj]ede|[Jj]eder|[Jj]edes|[Dd]iese|[Dd]ieser|[Ee]ine|[Mm]eine|[Ss]eine"
)
_AFTER_WEAK = re.compile(
    rf"(?<!\w)(?:{_WEAK}) (?:(?:[A-Z][a-z]{{2,6}}tag|Mittwoch|Sonnabend),? )?"
    r"(?:\d{1,2}\. (?:bis|und|oder|zum|auf den) (?:zum )?)?$"
)
_AFTER_STRONG = re.compile(rf"(?<!\w)(?:{_STRONG_MASCULINE}) $")
_AFTER_THE = re.compile(r"(?<!\w)(?:[Dd]er|[Dd]ie|[Dd]as|[Jj]ede|[Dd]iese) $")
_AFTER_PREPOSITION = re.compile(
    r"(?<!\w)(?:in|bei|mit|nach|seit|von|zu|aus|auf|an|vor|während|wegen|ab|unter|gegenüber) der $",
    re.IGNORECASE,
)
_COUNTED = (
    "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember|"
    "Jahrhunderts?|Jh|Jahrtausends?|Weltkriegs?|Weltkrieges|Platz|Stock|Stockwerk|Etage|Klasse|Liga|"
    "Runde|Mal|Tag|Tages|Woche|Monat|Jahr|Jahres|Quartal|Semester|Auflage|Kapitel|Band|Akt|Teil|Geburtstag|"
    "Spieltag|Spieltags|Etappe|Staffel|Folge|Versuch|Minute|Halbzeit|Hälfte|Generation|Grad|Preis|"
    "Rang|Gang|Satz|Advent|Klässler|Jahrestag|Todestag|Hochzeitstag|Bezirk|Korps|Armee|Division|"
    "Bundesliga|Reihe|Schritt|Punkt|Symphonie|Sinfonie|Obergeschoss|Untergeschoss|OG|UG|Person|Lesung"
)
"""In front of these words a number with a full stop is an ordinal, without an article too."""
_TOWNS = (
    "Berlin|Hamburg|München|Köln|Frankfurt|Stuttgart|Düsseldorf|Leipzig|Dortmund|Essen|Bremen|Dresden|"
    "Hannover|Nürnberg|Duisburg|Bochum|Wuppertal|Bielefeld|Bonn|Münster|Mannheim|Karlsruhe|Augsburg|"
    "Wiesbaden|Kiel|Aachen|Mainz|Freiburg|Lübeck|Erfurt|Rostock|Kassel|Potsdam|Heidelberg|Regensburg|"
    "Würzburg|Ulm|Jena|Wien|Graz|Linz|Salzburg|Innsbruck|Zürich|Genf|Basel|Bern|Lausanne|Luzern"
)
"""In front of these a number of four or five figures is a postal code."""
_FEMININE = re.compile(
    r"(?:ung|heit|keit|schaft|tion|sion|tät|ei|ik|ur|enz|anz|ie|in|Uhr|Zahl|Frau|Nacht|Stadt|Hand|Wand|Welt|"
    r"Person|Million|Milliarde|Nummer|Mutter|Tochter|Schwester|Liga|Mal(?<!Mal)|Kraft|Fahrt|Zeit|Art|"
    r"[^aeiouäöüy]e|ue|ee|oe)$"
)
_FEMININE_PLURAL = re.compile(
    r"(?:ungen|heiten|keiten|schaften|tionen|täten|unden|inuten|ochen|eilen|innen)$"
)
_NOT_FEMININE = re.compile(
    r"(?:Name|Junge|Käse|Ende|Auge|Interesse|Kollege|Gedanke|Gebäude|Hase|Löwe|Affe|Gemüse|Kunde|Bote|"
    r"Gelände|Gesetze|Erbe|Experte|Zeuge|Franzose|Termin|Verein|Schein|Stein|Wein|Bein|Schwein|Kilo|"
    r"Gewinn|Sinn|Beginn|Rubin|Benzin|Magazin|Schwung|Sprung|Prozent|Moment|Urenkel|Abitur|Ei|Brei|"
    r"Getriebe|Geschenke|Tage|Monate|Jahre|Punkte|Preise|Euro|Cent)$"
)
_NEUTER = re.compile(
    r"(?:chen|lein|ment|um|Jahr|Kind|Haus|Buch|Kilo|Kilogramm|Gramm|Pfund|Stück|Mal|Prozent|Bit|Byte|Volt|"
    r"Watt|Hertz|Pixel|Grad|Auto|Zimmer|Bett|Bier|Glas|Spiel|Tor|Land|Wort|Bild|Ei|Team|Foto|Video|"
    r"Projekt|Modell|Ticket|Quartal|Jahrhundert|Ende|Auge|Interesse|Gebäude|Gemüse|Gelände|Dutzend|Paar|"
    r"Kapitel|Semester|Stockwerk|Reich|Geschoss|Jahrtausend|Viertel|Drittel|Ziel|Album|Konzert)$"
)


class German(VocabularyLanguage):
    """Says ordinals in the case that the words in front of them ask for."""

    ruler_ending = r"\."

    def gender(self, noun: str) -> Gender | None:
        if not noun[:1].isupper():
            return None
        if _NEUTER.search(noun):
            return "n"
        if _NOT_FEMININE.search(noun):
            return "m"
        return "f" if _FEMININE.search(noun) or _FEMININE_PLURAL.search(noun) else "m"

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:
        if not spoken.endswith("eins") or gender is None:
            return spoken
        if spoken != "eins" or noun == "Uhr":
            return spoken.removesuffix("eins") + "ein"
        if re.search(rf"(?<!\w)(?:{_DATIVE}) $", before, re.IGNORECASE):
            return "einer" if gender == "f" else "einem"
        if gender == "f":
            return "eine"
        accusative = re.search(rf"(?<!\w)(?:{_ACCUSATIVE}) $", before, re.IGNORECASE)
        return "einen" if accusative and gender == "m" else "ein"

    def hour(self, hour: int) -> str:
        return "ein" if hour == 1 else self.cardinal(str(hour))

    def day_in_date(self, day: int, before: str = "") -> str:
        return self.ordinal_before(str(day), "", before, feminine=False)

    def ordinal_before(self, digits: str, noun: str, lead: str, *, feminine: bool) -> str:
        stem = self.ordinal(digits)
        if _AFTER_WEAK.search(lead) or _AFTER_PREPOSITION.search(lead):
            return stem + "n"
        if _AFTER_STRONG.search(lead):
            return stem + ("s" if self.gender(noun) == "n" else "r")
        if _AFTER_THE.search(lead):
            # "der" stands before feminine nouns in the genitive and dative only.
            genitive = lead.endswith(("der ", "Der ")) and self.gender(noun) == "f"
            return stem + ("n" if genitive else "")
        if feminine or self.gender(noun) == "f":
            return stem
        return stem + ("s" if self.gender(noun) == "n" else "r")

    def half_of(self, unit: Noun) -> str:
        gender = self.gender(unit.one.split(" ", maxsplit=1)[0])
        ending = {"f": "eine halbe", "n": "ein halbes", "m": "ein halber"}[gender or "m"]
        return f"{ending} {unit.one}"

    def denominator(self, digits: str) -> Noun:
        name = super().denominator(digits).one.capitalize()
        return Noun(name, name)

    def ruler(self, lead: str, name: str, number: int) -> str:
        position = self.ordinal(str(number)).capitalize()
        feminine = name.split(" ", maxsplit=1)[0].endswith(("a", "e", "Elisabeth"))
        if re.search(r"(?<!\w)(?:von|mit|unter|bei|nach|König|Kaiser|zu|seit|an) $", lead):
            article = "der" if feminine else "dem"
            if not re.search(r"(?:König|Kaiser) $", lead):
                return f"{name} {article} {position}n"
        if name.endswith("s") and name[:-1] in self.words.rulers:
            return f"{name} des {position}n"
        return f"{name} {'die' if feminine else 'der'} {position}"

    def own_rules(self) -> tuple[Rule, ...]:
        return (
            rule(
                r"(?<!\w)([A-ZÄÖÜ][a-zäöüß-]{2,40}|[A-ZÄÖÜ]{3,40})(?:str|STR)\.(?= \d|,)",
                lambda found: f"{found[1].capitalize()}straße",
                needs=".",
            ),
            figure_rule(
                r"(?<![\w.,])(?P<first>\d{1,3})\.? ?[-–] ?(?P<digits>\d{1,4})\."
                rf"(?= (?:{_COUNTED})(?!\w))",
                self._say_positions,
            ),
            figure_rule(
                rf"(?<![\w.,-])(?P<digits>\d{{1,4}})\.(?= (?:{_COUNTED})(?!\w))", self._say_position
            ),
            figure_rule(
                rf"(?<!\w)(?P<lead>(?:{_WEAK}|{_ARTICLE}|{_STRONG_MASCULINE}) )"
                r"(?P<digits>\d{1,4})\.(?= [^\W\d_])",
                self._say_position,
            ),
            figure_rule(
                r"(?<![\w.,])(?P<digits>\d{1,4})\. (?=(?:und|oder|bis) \d{1,4}\. [A-ZÄÖÜ])",
                self._say_position,
            ),
            figure_rule(r"(?<![\w.,'’])['’]?((?:1\d|20)?\d\d)(ern?)(?!\w)", self._say_decade),
            figure_rule(
                r"(?<![\w.,])([2-9])er(?=-[A-ZÄÖÜ]| [A-ZÄÖÜ])",
                lambda found: f"{self.cardinal(found[1])}er",
            ),
            # In front of its town a postal code is spelled; only a place tells it from a count.
            figure_rule(
                r"(?<![\w.,-])((?:D|A|CH|PLZ|Postleitzahl)[- ]|(?<=\d, )|(?<=\d[a-z], ))(\d{4,5})"
                r"(?= [A-ZÄÖÜ]|$|[.,]\s)",
                lambda found: found[1].replace("-", " ") + self.digits(found[2]),
            ),
            figure_rule(
                rf"(?<![\w.,-])\d{{4,5}}(?= (?:{_TOWNS})(?!\w))",
                lambda found: self.digits(found[0]),
            ),
            figure_rule(
                r"(?<![\w,])(\d{1,4}(?:,\d{1,2})?)(-?)(fach|mal|tägig|jährig|stündig|minütig|stellig|teilig|köpfig|"
                r"wöchig|monatig|%ig|seitig|prozentig|stöckig|jährlich)(e[nmrs]?|s)?(?!\w)",
                self._say_compound,
            ),
        )

    def _say_position(self, found: re.Match[str]) -> str:
        lead = found.groupdict().get("lead") or ""
        noun = leading_word(found.string[found.end() :].lstrip())
        spoken = self.ordinal_before(
            found["digits"], noun, before(found) + lead, feminine=self.gender(noun) == "f"
        )
        return lead + spoken + (" " if found[0].endswith(" ") else "")

    def _say_positions(self, found: re.Match[str]) -> str:
        noun, lead = leading_word(found.string[found.end() :].lstrip()), before(found)
        feminine = self.gender(noun) == "f"
        both = (
            self.ordinal_before(found[name], noun, lead, feminine=feminine)
            for name in ("first", "digits")
        )
        return " bis ".join(both)

    def _say_decade(self, found: re.Match[str]) -> str:
        digits = found[1]
        return (self.year(digits) if len(digits) == 4 else self.cardinal(digits)) + found[2]

    def _say_compound(self, found: re.Match[str]) -> str:
        spoken = self.number(found[1])
        if spoken.endswith("eins") and "," not in found[1]:
            spoken = spoken.removesuffix("s")
        return spoken + found[3].replace("%", "prozent") + (found[4] or "")


GERMAN = German(WORDS)
