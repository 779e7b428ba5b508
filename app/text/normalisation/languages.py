"""How the languages other than English say numbers, amounts, dates and times."""

from __future__ import annotations

from typing import NamedTuple


class Language(NamedTuple):
    """Words and ways of writing that the rules of `foreign` need."""

    comma: str
    minus: str
    percent: str
    to: str
    over_cents: str
    """Between the whole and the hundredths of an amount."""
    thousands: str
    """What may part thousands, as a class of a regular expression."""
    ordinal: str
    """The ending of an ordinal in figures, as a regular expression; group f makes it feminine."""
    before_noun: tuple[str, str]
    """How the end of a number changes where what it counts follows."""
    hour: str
    """Between hours and minutes."""
    full_hour: str
    date_joint: str
    """Between day, month and year."""
    months: tuple[str, ...]
    currencies: dict[str, tuple[str, str]]
    """One and many of each, by symbol."""
    cents: dict[str, tuple[str, str]]


_NO_BREAK = "\u00a0\u202f"
LANGUAGES = {
    "fr": Language(
        comma="virgule", minus="moins", percent="pour cent", to="à", over_cents="et",
        thousands=" " + _NO_BREAK, ordinal="(?P<f>re|ère)|er|ème|e|nde?", before_noun=("", ""),
        hour="heures", full_hour="heures", date_joint=" ",
        months=("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août",
                "septembre", "octobre", "novembre", "décembre"),
        currencies={"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres"),
                    "¥": ("yen", "yens"), "CHF": ("franc suisse", "francs suisses")},
        cents={"€": ("centime", "centimes"), "$": ("cent", "cents"), "£": ("penny", "pence"),
               "CHF": ("centime", "centimes")},
    ),
    "de": Language(
        comma="Komma", minus="minus", percent="Prozent", to="bis", over_cents="und",
        thousands=".'’" + _NO_BREAK, ordinal="", before_noun=("eins", "ein"), hour="Uhr",
        full_hour="Uhr", date_joint=" ",
        months=("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September",
                "Oktober", "November", "Dezember"),
        currencies={"€": ("Euro", "Euro"), "$": ("Dollar", "Dollar"), "£": ("Pfund", "Pfund"),
                    "¥": ("Yen", "Yen"), "CHF": ("Franken", "Franken")},
        cents={"€": ("Cent", "Cent"), "$": ("Cent", "Cent"), "£": ("Penny", "Pence"),
               "CHF": ("Rappen", "Rappen")},
    ),
    "pt": Language(
        comma="vírgula", minus="menos", percent="por cento", to="a", over_cents="e",
        thousands="." + _NO_BREAK, ordinal=r"\.?(?:[º°]|(?P<f>ª))", before_noun=("", ""), hour="e",
        full_hour="horas", date_joint=" de ",
        months=("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto",
                "setembro", "outubro", "novembro", "dezembro"),
        currencies={"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras"),
                    "R$": ("real", "reais"), "¥": ("iene", "ienes"),
                    "CHF": ("franco suíço", "francos suíços")},
        cents={"€": ("cêntimo", "cêntimos"), "$": ("cêntimo", "cêntimos"),
               "R$": ("centavo", "centavos"), "£": ("péni", "pence")},
    ),
    "it": Language(
        comma="virgola", minus="meno", percent="per cento", to="a", over_cents="e",
        thousands="." + _NO_BREAK, ordinal="[º°]|(?P<f>ª)", before_noun=("uno", "un"), hour="e",
        full_hour="", date_joint=" ",
        months=("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto",
                "settembre", "ottobre", "novembre", "dicembre"),
        currencies={"€": ("euro", "euro"), "$": ("dollaro", "dollari"),
                    "£": ("sterlina", "sterline"), "¥": ("yen", "yen"),
                    "CHF": ("franco svizzero", "franchi svizzeri")},
        cents={"€": ("centesimo", "centesimi"), "$": ("centesimo", "centesimi"),
               "£": ("penny", "pence")},
    ),
    "es": Language(
        comma="coma", minus="menos", percent="por ciento", to="a", over_cents="con",
        thousands="." + _NO_BREAK, ordinal=r"\.?(?:[º°]|er|(?P<f>ª))", before_noun=("uno", "un"),
        hour="y", full_hour="horas", date_joint=" de ",
        months=("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto",
                "septiembre", "octubre", "noviembre", "diciembre"),
        currencies={"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras"),
                    "¥": ("yen", "yenes"), "CHF": ("franco suizo", "francos suizos")},
        cents={"€": ("céntimo", "céntimos"), "$": ("centavo", "centavos"),
               "£": ("penique", "peniques")},
    ),
    "nl": Language(
        comma="komma", minus="min", percent="procent", to="tot", over_cents="en",
        thousands="." + _NO_BREAK, ordinal="de|ste|e", before_noun=("", ""), hour="uur",
        full_hour="uur", date_joint=" ",
        months=("januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus",
                "september", "oktober", "november", "december"),
        currencies={"€": ("euro", "euro"), "$": ("dollar", "dollar"), "£": ("pond", "pond"),
                    "¥": ("yen", "yen"), "CHF": ("Zwitserse frank", "Zwitserse frank")},
        cents={"€": ("cent", "cent"), "$": ("cent", "cent"), "£": ("penny", "pence")},
    ),
}  # fmt: skip
"""The languages whose numbers are brought into words, by their two letters."""
