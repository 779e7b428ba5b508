"""This module has what French alone needs beside its words."""

from __future__ import annotations

import re

from app.text.normalisation.fr.words import WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.figures import ended_stop, figure_rule
from app.text.normalisation.vocabulary.language import VocabularyLanguage
from app.text.normalisation.vocabulary.words import Gender, Noun

_FEMININE = re.compile(
    r"(?:[tsx]ion|aison|ique|ette|elle|esse|[ae]nce|ée|[^d]té|ude|ure|euse|trice|ine|ère|"
    r"^(?:heure|minute|seconde|.*heure|.*seconde|semaine|année|journée|nuit|fois|page|personne|femme|fille|"
    r"dame|chose|table|chaise|voiture|maison|ville|vie|livre|tonne|once|calorie|.*calorie|"
    r"couronne.*|roupie.*|lire.*|ligne|place|pièce|chambre|porte|fenêtre|main|tête|étoile|photo|image|vidéo|"
    r"carte|lettre|syllabe|phrase|partie|marche|demande|école|classe|équipe|boîte|bouteille|tasse|tranche|"
    r"cuillère|goutte|étape|entreprise|banque|usine|victime|espèce|arme|bombe|voix|part|mort|tour|"
    r"vache|poule|pomme|poire|orange|rose|fleur|île|plage|montagne|route|rue|loi|règle|histoire|"
    r"bière|chanson|leçon|façon|boisson|baguette|messe|bataille|guerre|hectare(?!.))"
    r")s?$"
)
_NOT_FEMININE = re.compile(
    r"(?:hectare|comité|été|côté|traité|musée|lycée|million|milliard|billion|avion|camion|lion|"
    r"millimètre|silence|service|comté|bastion|champion|espion|magazine|domaine|squelette|murmure)s?$"
)


class French(VocabularyLanguage):
    """Says "first" as "premier" or "première", and "un" as "une" in front of feminine nouns."""

    def gender(self, noun: str) -> Gender | None:
        if not noun or _NOT_FEMININE.search(noun.lower()):
            return "m"
        return "f" if _FEMININE.search(noun.lower()) else "m"

    def agree(self, spoken: str, gender: Gender | None, noun: str, before: str) -> str:  # noqa: ARG002
        if gender == "f" and re.search(r"(?<!\w)un$", spoken):
            return f"{spoken}e"
        return spoken

    def half_of(self, unit: Noun) -> str:
        return f"{'une' if self.gender(unit.one) == 'f' else 'un'} demi-{unit.one}"

    def and_a_half(self, unit: Noun) -> str:
        return "et demie" if self.gender(unit.one) == "f" else "et demi"

    def joint_of_part(self, unit: Noun) -> str:
        return "d'" if unit.one[:1] in "aeéhiou" else "de "

    def joined(self, spoken: str, noun: str) -> str:
        if re.search(self.words.millions, spoken) and noun[:1].lower() in "aeéèêiouyœ":
            return f"{spoken} d'{noun}"
        return super().joined(spoken, noun)

    def ordinal(self, digits: str, *, feminine: bool = False) -> str:
        first = feminine and digits.lstrip("0") == "1"
        return "première" if first else super().ordinal(digits)

    def own_rules(self) -> tuple[Rule, ...]:
        return (
            figure_rule(
                r"(?<![\w.,])(\d{1,2}) ?([hj]) ?/ ?(\d{1,2})(?!\w)",
                lambda found: (
                    f"{self.counted(found[1], self.unit(found[2]))} sur {self.cardinal(found[3])}"
                ),
            ),
            rule(r"(?<!\w)S(t|te)-(?=[A-ZÉÈ])", lambda found: f"Sain{found[1]}-", needs="-"),
            rule(r"(?<!\w)(?:[bB](?:oulevar)?d|BD|BLD)\.? (?=[A-ZÉÈ])", "boulevard ", needs="dD"),
            rule(
                r"(?<!\w)(?:[aA]v|AV)\. (?=(?:de |du |des |DE |DU |DES )?[A-ZÉÈ])(?!J)",
                "avenue ",
                needs=".",
            ),
            rule(r"(?<!\w)[nN](?:°s|os\.?) ?(?=\d)", "numéros ", needs="°os"),
            rule(r"(?<=ième )s\.(?!\w)", lambda found: "siècle" + ended_stop(found), needs="."),
            figure_rule(
                r"(?<![\w.,])(\d)m(\d\d)(?!\w)",
                lambda found: (
                    f"{self.counted(found[1], self.unit('m'))} {self.cardinal(str(int(found[2])))}"
                ),
            ),
            figure_rule(r"(?<![\w.,])2n?(de?s?)(?!\w)", lambda found: f"secon{found[1]}"),
        )

    def number(self, written: str) -> str:
        spoken = super().number(written)
        return re.sub(r"(?<=vingt|.cent)s(?= virgule)", "", spoken)

    def labelled(self, written: str) -> str:
        # What is numbered keeps "vingt" and "cent" in the singular: "page quatre-vingt".
        return re.sub(r"(?<=vingt|.cent)s$", "", self.number(written))

    def year(self, digits: str) -> str:
        return self.labelled(str(int(digits)))

    def ruler(self, lead: str, name: str, number: int) -> str:  # noqa: ARG002
        if number == 1:
            feminine = name.split(" ", maxsplit=1)[0].endswith(("e", "a", "Elizabeth", "Élisabeth"))
            return f"{name} {self.ordinal('1', feminine=feminine)}"
        return f"{name} {self.cardinal(str(number))}"


FRENCH = French(WORDS)
