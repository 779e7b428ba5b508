"""This module holds the words in which each language says formulas."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class FormulaWords(NamedTuple):
    """Holds what a language says for the signs and the structures of formulas.

    Braces are filled in; where a word has none, what belongs to it follows.
    """

    formula: str
    """It stands for a formula that is not said."""
    signs: Mapping[str, str]
    over: str
    squared: str
    cubed: str
    power: str
    prime: str
    root: str
    cube_root: str
    nth_root: str
    sub: str
    of: str
    """It stands between a function and its argument."""
    all_of_it: str
    """It stands in front of a power of what is in brackets."""
    from_to: str
    """Its braces are the limits of a sum or an integral."""
    over_set: str
    """Its brace is what a sum or an integral runs over."""
    as_limit: str
    """Its brace is what a limit is taken for."""
    limit: str
    base: str
    """Its brace is the base of a logarithm."""
    choose: str
    absolute: str
    norm: str
    floor: str
    ceiling: str
    ratio: str
    """It stands between two numbers that are parted by a colon."""
    yields: str
    """It is the arrow of a chemical reaction."""
    accents: Mapping[str, str]
    """The brace is what stands under the accent."""
    set_of: str
    """It stands in front of the members of a set."""
    opened: str
    closed: str
    and_so_on: str
    functions: Mapping[str, str] = MappingProxyType({})
    """These names are said in full; others as they are written."""


def _signs(**names: str) -> Mapping[str, str]:
    signs: dict[str, str] = {}
    for name, chars in _CHARS.items():
        for char in chars.split():
            signs[char] = names.get(name, name)
    return MappingProxyType(signs)


_CHARS = {
    "plus": "+", "minus": "- − – ‐", "times": "× ⋅ · * ∗ ∙", "divided": "÷", "equals": "=",
    "not_equal": "≠", "less": "<", "more": ">", "at_most": "≤ ⩽ ≦", "at_least": "≥ ⩾ ≧",
    "much_less": "≪", "much_more": "≫", "about": "≈ ≃ ∼ ~ ≅", "plus_minus": "±", "minus_plus": "∓",
    "proportional": "∝", "in_set": "∈", "not_in": "∉", "subset": "⊂ ⊆", "union": "∪",
    "intersection": "∩", "empty": "∅", "all": "∀", "exists": "∃", "to": "→ ⟶ ↦ ⟼",
    "implies": "⇒ ⟹", "equivalent": "⇔ ⟺ ↔", "infinity": "∞", "sum": "∑", "product": "∏",
    "integral": "∫", "double_integral": "∬", "partial": "∂", "nabla": "∇", "percent": "%",
    "degrees": "° ∘", "factorial": "!", "given": "∣ |", "and": "∧", "or": "∨", "not": "¬",
    "identical": "≡", "defined": ":= ≔", "therefore": "∴", "because": "∵", "angle": "∠",
    "parallel": "∥", "perpendicular": "⊥ ⟂", "reals": "ℝ", "naturals": "ℕ", "integers": "ℤ",
    "rationals": "ℚ", "complexes": "ℂ", "colon": ":", "without": "∖", "triangle": "△ ▵",
}  # fmt: skip
ENGLISH = FormulaWords(
    formula="formula",
    signs=_signs(
        divided="divided by", not_equal="is not equal to", less="is less than",
        more="is greater than", at_most="is less than or equal to",
        at_least="is greater than or equal to", much_less="is much less than",
        much_more="is much greater than", about="is about", plus_minus="plus or minus",
        minus_plus="minus or plus", proportional="is proportional to", in_set="in",
        not_in="not in", subset="is a subset of", intersection="intersect",
        empty="the empty set", all="for all", exists="there exists", equivalent="if and only if",
        sum="the sum", product="the product", integral="the integral",
        double_integral="the double integral", identical="is identical to",
        defined="is defined as", parallel="is parallel to", perpendicular="is perpendicular to",
        reals="the real numbers", naturals="the natural numbers", integers="the integers",
        rationals="the rational numbers", complexes="the complex numbers", colon=",",
    ),
    over="over", squared="squared", cubed="cubed", power="to the power of", prime="prime",
    root="the square root of", cube_root="the cube root of", nth_root="the {} root of", sub="sub",
    of="of", all_of_it="all", from_to="from {} to {} of", over_set="over {} of",
    as_limit="as {} goes to", limit="the limit", base="base {}", choose="{} choose {}",
    absolute="the absolute value of {}",
    norm="the norm of {}", floor="the floor of {}",
    ceiling="the ceiling of {}", ratio="to",
    yields="yields",
    accents=MappingProxyType({
        "^": "{} hat", "¯": "{} bar", "―": "{} bar", "_": "{}", "→": "vector {}", "˙": "{} dot",
        "¨": "{} double dot", "~": "{} tilde", "˜": "{} tilde",
    }),
    set_of="the set",
    opened="open parenthesis", closed="close parenthesis", and_so_on="and so on",
    functions=MappingProxyType({
        "sin": "sine", "cos": "cosine", "tan": "tangent", "cot": "cotangent", "sec": "secant",
        "csc": "cosecant", "arcsin": "arc sine", "arccos": "arc cosine", "arctan": "arc tangent",
        "sinh": "hyperbolic sine", "cosh": "hyperbolic cosine", "tanh": "hyperbolic tangent",
        "ln": "natural log", "exp": "the exponential", "max": "the maximum", "min": "the minimum",
        "det": "the determinant", "gcd": "the greatest common divisor", "mod": "modulo",
    }),
)  # fmt: skip
GERMAN = FormulaWords(
    formula="Formel",
    signs=_signs(
        times="mal", divided="geteilt durch", equals="gleich", not_equal="ungleich",
        less="kleiner als", more="größer als", at_most="kleiner oder gleich",
        at_least="größer oder gleich", much_less="viel kleiner als", much_more="viel größer als",
        about="ungefähr", plus_minus="plus minus", minus_plus="minus plus",
        proportional="proportional zu", in_set="aus", not_in="nicht aus",
        subset="Teilmenge von", union="vereinigt mit", intersection="geschnitten mit",
        empty="die leere Menge", all="für alle", exists="es gibt", to="gegen",
        implies="daraus folgt", equivalent="genau dann wenn", infinity="unendlich",
        sum="Summe", product="Produkt", integral="Integral", double_integral="Doppelintegral",
        partial="d", percent="Prozent", degrees="Grad", factorial="Fakultät", given="unter",
        **{"and": "und", "or": "oder", "not": "nicht"}, identical="identisch mit",
        defined="definiert als", therefore="also", because="weil", angle="Winkel",
        parallel="parallel zu", perpendicular="senkrecht zu", reals="die reellen Zahlen",
        naturals="die natürlichen Zahlen", integers="die ganzen Zahlen",
        rationals="die rationalen Zahlen", complexes="die komplexen Zahlen", colon=",",
        triangle="Dreieck",
        without="ohne",
    ),
    over="durch", squared="Quadrat", cubed="hoch drei", power="hoch", prime="Strich",
    root="Wurzel aus", cube_root="dritte Wurzel aus", nth_root="{} Wurzel aus", sub="",
    of="von", all_of_it="in Klammern", from_to="von {} bis {} über", over_set="über {} von",
    as_limit="für {} gegen", limit="Grenzwert", base="zur Basis {}", choose="{} über {}",
    absolute="Betrag von {}",
    norm="Norm von {}", floor="{} abgerundet",
    ceiling="{} aufgerundet", ratio="zu",
    yields="ergibt",
    accents=MappingProxyType({
        "^": "{} Dach", "¯": "{} quer", "―": "{} quer", "_": "{}", "→": "Vektor {}",
        "˙": "{} Punkt", "¨": "{} zwei Punkt", "~": "{} Tilde", "˜": "{} Tilde",
    }),
    set_of="die Menge",
    opened="Klammer auf", closed="Klammer zu", and_so_on="und so weiter",
    functions=MappingProxyType({
        "sin": "Sinus", "cos": "Kosinus", "tan": "Tangens", "log": "Logarithmus",
        "ln": "natürlicher Logarithmus", "max": "Maximum", "min": "Minimum",
        "det": "Determinante",
    }),
)  # fmt: skip
FRENCH = FormulaWords(
    formula="formule",
    signs=_signs(
        minus="moins", times="fois", divided="divisé par", equals="égale",
        not_equal="différent de", less="inférieur à", more="supérieur à",
        at_most="inférieur ou égal à", at_least="supérieur ou égal à",
        much_less="très inférieur à", much_more="très supérieur à", about="environ",
        plus_minus="plus ou moins", minus_plus="moins ou plus", proportional="proportionnel à",
        in_set="appartient à", not_in="n'appartient pas à", subset="inclus dans",
        intersection="inter", empty="l'ensemble vide", all="pour tout", exists="il existe",
        to="tend vers", implies="implique", equivalent="équivaut à", infinity="l'infini",
        sum="somme", product="produit", integral="intégrale",
        double_integral="intégrale double", partial="d rond", percent="pour cent",
        degrees="degrés", factorial="factorielle", given="sachant",
        **{"and": "et", "or": "ou", "not": "non"}, identical="identique à",
        defined="défini par", therefore="donc", because="car", angle="angle",
        parallel="parallèle à", perpendicular="perpendiculaire à", reals="R", naturals="N",
        integers="Z", rationals="Q", complexes="C", colon=",", without="privé de",
    ),
    over="sur", squared="au carré", cubed="au cube", power="puissance", prime="prime",
    root="racine de", cube_root="racine cubique de", nth_root="racine {} de",
    sub="indice", of="de", all_of_it="le tout", from_to="de {} à {} de", over_set="sur {} de",
    as_limit="quand {} tend vers", limit="limite", base="de base {}", choose="{} parmi {}",
    absolute="valeur absolue de {}",
    norm="norme de {}", floor="partie entière de {}",
    ceiling="partie entière par excès de {}", ratio="sur",
    yields="donne",
    accents=MappingProxyType({
        "^": "{} chapeau", "¯": "{} barre", "―": "{} barre", "_": "{}", "→": "vecteur {}",
        "˙": "{} point", "¨": "{} deux points", "~": "{} tilde", "˜": "{} tilde",
    }),
    set_of="l'ensemble",
    opened="parenthèse ouvrante", closed="parenthèse fermante", and_so_on="et ainsi de suite",
)  # fmt: skip
SPANISH = FormulaWords(
    formula="fórmula",
    signs=_signs(
        plus="más", minus="menos", times="por", divided="dividido por", equals="es igual a",
        not_equal="es distinto de", less="es menor que", more="es mayor que",
        at_most="es menor o igual que", at_least="es mayor o igual que",
        much_less="es mucho menor que", much_more="es mucho mayor que", about="es aproximadamente",
        plus_minus="más menos", minus_plus="menos más", proportional="es proporcional a",
        in_set="pertenece a", not_in="no pertenece a", subset="está contenido en",
        union="unión", intersection="intersección", empty="el conjunto vacío",
        all="para todo", exists="existe", to="tiende a", implies="implica",
        equivalent="si y solo si", infinity="infinito", sum="la suma", product="el producto",
        integral="la integral", double_integral="la integral doble", partial="parcial",
        percent="por ciento", degrees="grados", factorial="factorial", given="dado",
        **{"and": "y", "or": "o", "not": "no"}, identical="es idéntico a",
        defined="se define como", therefore="por lo tanto", because="porque", angle="ángulo",
        parallel="es paralelo a", perpendicular="es perpendicular a",
        reals="los números reales", naturals="los números naturales", integers="los enteros",
        rationals="los números racionales", complexes="los números complejos", colon=",",
        triangle="triángulo",
        without="menos",
    ),
    over="sobre", squared="al cuadrado", cubed="al cubo", power="elevado a", prime="prima",
    root="raíz cuadrada de", cube_root="raíz cúbica de", nth_root="raíz {} de", sub="sub",
    of="de", all_of_it="todo", from_to="de {} a {} de", over_set="sobre {} de",
    as_limit="cuando {} tiende a", limit="el límite", base="en base {}", choose="{} sobre {}",
    absolute="valor absoluto de {}",
    norm="norma de {}", floor="parte entera de {}",
    ceiling="techo de {}", ratio="a",
    yields="produce",
    accents=MappingProxyType({
        "^": "{} gorro", "¯": "{} barra", "―": "{} barra", "_": "{}", "→": "vector {}",
        "˙": "{} punto", "¨": "{} dos puntos", "~": "{} tilde", "˜": "{} tilde",
    }),
    set_of="el conjunto",
    opened="abre paréntesis", closed="cierra paréntesis", and_so_on="etcétera",
)  # fmt: skip
ITALIAN = FormulaWords(
    formula="formula",
    signs=_signs(
        plus="più", minus="meno", times="per", divided="diviso", equals="uguale a",
        not_equal="diverso da", less="minore di", more="maggiore di",
        at_most="minore o uguale a", at_least="maggiore o uguale a",
        much_less="molto minore di", much_more="molto maggiore di", about="circa",
        plus_minus="più o meno", minus_plus="meno o più", proportional="proporzionale a",
        in_set="appartiene a", not_in="non appartiene a", subset="contenuto in",
        union="unione", intersection="intersezione", empty="l'insieme vuoto",
        all="per ogni", exists="esiste", to="tende a", implies="implica",
        equivalent="se e solo se", infinity="infinito", sum="la somma", product="il prodotto",
        integral="l'integrale", double_integral="l'integrale doppio",
        partial="derivata parziale", percent="per cento", degrees="gradi",
        factorial="fattoriale", given="dato", **{"and": "e", "or": "o", "not": "non"},
        identical="identico a", defined="definito come", therefore="quindi", because="perché",
        angle="angolo", parallel="parallelo a", perpendicular="perpendicolare a",
        reals="i numeri reali", naturals="i numeri naturali", integers="gli interi",
        rationals="i numeri razionali", complexes="i numeri complessi", colon=",",
        triangle="triangolo",
        without="meno",
    ),
    over="fratto", squared="al quadrato", cubed="al cubo", power="alla", prime="primo",
    root="radice quadrata di", cube_root="radice cubica di", nth_root="radice {} di",
    sub="con", of="di", all_of_it="tutto", from_to="da {} a {} di", over_set="su {} di",
    as_limit="per {} che tende a", limit="il limite", base="in base {}", choose="{} su {}",
    absolute="valore assoluto di {}",
    norm="norma di {}", floor="parte intera di {}",
    ceiling="parte intera superiore di {}", ratio="a",
    yields="dà",
    accents=MappingProxyType({
        "^": "{} cappuccio", "¯": "{} segnato", "―": "{} segnato", "_": "{}",
        "→": "vettore {}", "˙": "{} punto", "¨": "{} due punti", "~": "{} tilde",
        "˜": "{} tilde",
    }),
    set_of="l'insieme",
    opened="aperta parentesi", closed="chiusa parentesi", and_so_on="eccetera",
)  # fmt: skip
PORTUGUESE = FormulaWords(
    formula="fórmula",
    signs=_signs(
        plus="mais", minus="menos", times="vezes", divided="dividido por", equals="é igual a",
        not_equal="é diferente de", less="é menor que", more="é maior que",
        at_most="é menor ou igual a", at_least="é maior ou igual a",
        much_less="é muito menor que", much_more="é muito maior que", about="é cerca de",
        plus_minus="mais ou menos", minus_plus="menos ou mais", proportional="é proporcional a",
        in_set="pertence a", not_in="não pertence a", subset="está contido em", union="união",
        intersection="interseção", empty="o conjunto vazio", all="para todo", exists="existe",
        to="tende a", implies="implica", equivalent="se e somente se", infinity="infinito",
        sum="a soma", product="o produto", integral="a integral",
        double_integral="a integral dupla", partial="parcial", percent="por cento",
        degrees="graus", factorial="fatorial", given="dado",
        **{"and": "e", "or": "ou", "not": "não"}, identical="é idêntico a",
        defined="é definido como", therefore="portanto", because="porque", angle="ângulo",
        parallel="é paralelo a", perpendicular="é perpendicular a", reals="os números reais",
        naturals="os números naturais", integers="os inteiros",
        rationals="os números racionais", complexes="os números complexos", colon=",",
        triangle="triângulo",
        without="menos",
    ),
    over="sobre", squared="ao quadrado", cubed="ao cubo", power="elevado a", prime="linha",
    root="raiz quadrada de", cube_root="raiz cúbica de", nth_root="raiz {} de", sub="índice",
    of="de", all_of_it="tudo", from_to="de {} a {} de", over_set="sobre {} de",
    as_limit="quando {} tende a", limit="o limite", base="na base {}", choose="{} sobre {}",
    absolute="valor absoluto de {}",
    norm="norma de {}", floor="piso de {}",
    ceiling="teto de {}", ratio="para",
    yields="produz",
    accents=MappingProxyType({
        "^": "{} chapéu", "¯": "{} barra", "―": "{} barra", "_": "{}", "→": "vetor {}",
        "˙": "{} ponto", "¨": "{} dois pontos", "~": "{} til", "˜": "{} til",
    }),
    set_of="o conjunto",
    opened="abre parênteses", closed="fecha parênteses", and_so_on="e assim por diante",
)  # fmt: skip
DUTCH = FormulaWords(
    formula="formule",
    signs=_signs(
        minus="min", times="maal", divided="gedeeld door", equals="is gelijk aan",
        not_equal="is niet gelijk aan", less="is kleiner dan", more="is groter dan",
        at_most="is kleiner dan of gelijk aan", at_least="is groter dan of gelijk aan",
        much_less="is veel kleiner dan", much_more="is veel groter dan", about="is ongeveer",
        plus_minus="plus of min", minus_plus="min of plus", proportional="is evenredig met",
        in_set="in", not_in="niet in", subset="is een deelverzameling van",
        union="verenigd met", intersection="doorsnede", empty="de lege verzameling",
        all="voor alle", exists="er bestaat", to="gaat naar", implies="impliceert",
        equivalent="dan en slechts dan als", infinity="oneindig", sum="de som",
        product="het product", integral="de integraal", double_integral="de dubbele integraal",
        partial="partiële", percent="procent", degrees="graden", factorial="faculteit",
        given="gegeven", **{"and": "en", "or": "of", "not": "niet"},
        identical="is identiek aan", defined="is gedefinieerd als", therefore="dus",
        because="omdat", angle="hoek", parallel="is evenwijdig aan",
        perpendicular="staat loodrecht op", reals="de reële getallen",
        naturals="de natuurlijke getallen", integers="de gehele getallen",
        rationals="de rationale getallen", complexes="de complexe getallen", colon=",",
        triangle="driehoek",
        without="zonder",
    ),
    over="gedeeld door", squared="kwadraat", cubed="tot de derde", power="tot de macht",
    prime="accent", root="de wortel van", cube_root="de derdemachtswortel van",
    nth_root="de {} machtswortel van", sub="", of="van", all_of_it="alles",
    from_to="van {} tot {} van", over_set="over {} van", as_limit="voor {} naar", limit="de limiet",
    base="met grondtal {}", choose="{} boven {}", absolute="de absolute waarde van {}",
    norm="de norm van {}", floor="{} naar beneden afgerond",
    ceiling="{} naar boven afgerond", ratio="staat tot",
    yields="geeft",
    accents=MappingProxyType({
        "^": "{} dak", "¯": "{} streep", "―": "{} streep", "_": "{}", "→": "vector {}",
        "˙": "{} punt", "¨": "{} dubbele punt", "~": "{} tilde", "˜": "{} tilde",
    }),
    set_of="de verzameling",
    opened="haakje openen", closed="haakje sluiten", and_so_on="enzovoort",
)  # fmt: skip
FORMULA_WORDS: Mapping[str, FormulaWords] = MappingProxyType({
    "en": ENGLISH, "de": GERMAN, "fr": FRENCH, "es": SPANISH, "it": ITALIAN, "pt": PORTUGUESE,
    "nl": DUTCH,
})  # fmt: skip
