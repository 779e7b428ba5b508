"""This module says signs between and around numbers, fractions, scores, versions, and numbers."""

from __future__ import annotations

import re
import unicodedata

from app.text.normalisation.formulas.vocabulary import FORMULA_WORDS
from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.figures import DASH, figure_rule
from app.text.normalisation.vocabulary.ordinals import any_case
from app.text.normalisation.vocabulary.saying import SPACES, Saying, before, leading_word

_COMPARISONS = r"(?:<=|>=|!=|==|[=<>≤≥≠≈])"
_VERSION = (
    r"(?:[Vv]ers(?:i(?:on|ón|one|e)|ão)|Python|Java|Windows|iOS|Android|macOS|Ubuntu|Debian|PHP)"
)
_MATHEMATICAL = frozenset("∞∈∉⊂⊆∪∩∅∀∃⇔∑∏∫∂∇∝∓∴∵∠∥⊥≡∧∨¬")
_OPERATORS = r"[-+*/×÷·−–^]"


def sum_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for sums and powers, which go before those for ranges."""
    signs, value = language.words.signs, language.value
    names = {
        "+": signs.plus, "-": signs.minus, "−": signs.minus, "–": signs.minus, "*": signs.times,
        "×": signs.times, "·": signs.times, "/": signs.divided, "÷": signs.divided,
        "=": signs.equals, "==": signs.equals, "<": signs.less, ">": signs.more,
        "≤": signs.at_most, "<=": signs.at_most, "≥": signs.at_least, ">=": signs.at_least,
        "≠": signs.unequal, "!=": signs.unequal, "≈": signs.about, "^": signs.power,
    }  # fmt: skip
    part = re.compile(rf"{value}|{_COMPARISONS}|\S")

    def say_sum(found: re.Match[str]) -> str:
        parts = part.findall(found[0])
        return " ".join(names.get(each) or language.number(each) for each in parts)

    def say_power(found: re.Match[str]) -> str:
        exponent = found[2].lstrip("+-−")
        if exponent in {"2", "3"} and found[2] == exponent:
            return f" {signs.squared if exponent == '2' else signs.cubed}"
        minus = f"{signs.minus} " if found[2][0] in "-−" else ""
        return f" {signs.power} {minus}{language.cardinal(exponent)}"

    return (
        figure_rule(
            rf"(?<![\w.,^/])-?{value}(?: ?{_OPERATORS} ?{value}){{0,20}} ?{_COMPARISONS} ?-?{value}"
            rf"(?: ?{_OPERATORS} ?{value}){{0,20}}(?!\w)",
            say_sum,
        ),
        figure_rule(
            r"(?<![\w.,])(\d{1,36}(?:[.,]\d{1,36})?)[eE]([+-]?\d{1,4})(?!\w)",
            lambda found: f"{language.number(found[1])} {signs.times} 10^{found[2]}",
        ),
        rule(r"(?<=[\w)])\^(?P<open>\()?([-+−]?\d{1,36})(?(open)\))", say_power, needs="^"),
        figure_rule(
            rf"(?<![\w.,])({value}) ([+×÷·*]|[-−–](?= \d{{1,36}} ?=)) (?=\d)",
            lambda found: f"{language.number(found[1])} {names[found[2]]} ",
        ),
        figure_rule(r"(?<=\d)[×*÷](?=\d)", lambda found: f" {names[found[0]]} "),
    )


def part_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for fractions, parts of a whole, scores, scales and versions."""
    words, signs = language.words, language.words.signs
    labels = any_case(words.labels)
    counted = language.cardinal

    def say_fraction(found: re.Match[str]) -> str:
        spoken = language.fraction(found["whole"] or "", found["above"], found["below"])
        if spoken:
            return spoken
        whole = f"{counted(found['whole'])} " if found["whole"] else ""
        return f"{whole}{counted(found['above'])} {signs.out_of} {counted(found['below'])}"

    def say_points(written: str) -> str:
        return f" {signs.point} ".join(counted(each) for each in written.split("."))

    # Millions are parted in the same way.
    grouped = r"(?!\d{1,3}(?:\.\d{3}){2,7}(?!\d|\.\d))" if "." in words.thousands else ""
    return (
        figure_rule(
            rf"(?<!\w)((?:{labels}) )(\d{{1,4}}) ?/ ?(\d{{1,4}})(?![\w/]|[.,]\d)",
            lambda found: f"{found[1]}{counted(found[2])} {signs.out_of} {counted(found[3])}",
        ),
        figure_rule(
            r"(?<![\w.,])(24(?=/7)|50(?=/50))/(7|50)(?![\w/])",
            lambda found: f"{counted(found[1])} {counted(found[2])}",
        ),
        figure_rule(
            r"(?<![\w.,/])(?:(?P<whole>\d{1,6})[ -](?:e |y |et )?)?"
            r"(?P<above>\d{1,4})/(?P<below>\d{1,4})(?![\w/]|[.,]\d)",
            say_fraction,
        ),
        figure_rule(
            r"(?<![\w.,:])(\d{1,4}) ?: ?(\d{1,5})(?![\w:]|[.,]\d)",
            lambda found: f"{counted(found[1])} {signs.ratio} {counted(found[2])}",
        ),
        figure_rule(
            rf"(?<!\w)((?:{_VERSION}|{labels}) )(\d{{1,3}}\.\d{{1,2}})(?!\w|[.,]\d)",
            lambda found: found[1] + say_points(found[2]),
        ),
        figure_rule(
            r"(?<![\w.,/-])\d{1,7}(?:-\d{1,7}){2,6}(?![\w-])",
            lambda found: ", ".join(map(language.digits, found[0].split("-"))),
        ),
        figure_rule(
            rf"(?<![\w.,]){grouped}\d{{1,6}}(?:\.\d{{1,6}}){{2,8}}(?![\w])",
            lambda found: say_points(found[0]),
        ),
    )


def number_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for ranges, signs in front of numbers, and all numbers that are left."""
    words, signs, value = language.words, language.words.signs, language.value
    labelled = re.compile(rf"(?<!\w)(?:{any_case(words.labels)})\.? ?$")

    def say_range(found: re.Match[str]) -> str:
        return f"{language.number(found[1])} {words.to} "

    def say_times(found: re.Match[str]) -> str:
        name = words.times_each
        if name.one.startswith("-"):
            spoken = language.agree(language.cardinal(found[1]), "n", "", "") + name.one[1:]
        else:
            spoken = language.counted(found[1], name)
        following = leading_word(found.string[found.end() :])
        return f"{spoken} {language.per(following)}" if found[2] else spoken

    def say_number(found: re.Match[str]) -> str:
        written = found[0].rstrip(" ")
        gap = found[0][len(written) :]
        lead = before(found)
        ahead = found.string[found.end() : found.end() + 40]
        if labelled.search(lead):
            return language.labelled(written) + gap
        noun = leading_word(ahead) if gap else ""
        spoken = language.count(written, noun, lead) if noun else language.number(written)
        return spoken if spoken.endswith("'") else spoken + gap

    return (
        rule(r"§§ ?(?=\d)", f"{signs.section.many} ", needs="§"),
        rule(r"§ ?(?=\d)", f"{signs.section.one} ", needs="§"),
        figure_rule(
            rf"(?<![\w.,-])({value})[{SPACES}]?{DASH}[{SPACES}]?(?={value}(?![\w-]))", say_range
        ),
        figure_rule(
            r"(?<![\w.,])(\d{1,4}) ?[x×](?= |[,.;:!?)/]|$)(?! ?[\d=(])(/(?=[^\W\d_]))?",
            say_times,
            flags=re.MULTILINE,
        ),
        rule(r"(?<![\w.,)])[-−](?=[.,]?\d)", f"{signs.minus} ", needs="-−"),
        rule(r"(?<!\w)\+(?=\.?\d)", f"{signs.plus} ", needs="+"),
        rule(r"± ?(?=\d)", f"{signs.plus_minus} ", needs="±"),
        rule(r"(?<![\w~])[~≈] ?(?=\d)", f"{signs.about} ", needs="~≈"),
        rule(r"(?<![\w#&])# ?(?=\d)", f"{signs.number} ", needs="#"),
        rule(r"(?<!\w)(?:≥|>=) ?(?=\d)", f"{signs.at_least} ", needs="≥>"),
        rule(r"(?<!\w)(?:≤|<=) ?(?=\d)", f"{signs.at_most} ", needs="≤<"),
        rule(r"(?<![\w<-])< ?(?=\d)", f"{signs.less} ", needs="<"),
        rule(r"(?<![\w>-])> ?(?=\d)", f"{signs.more} ", needs=">"),
        rule(r"(?<=\d)\+(?!\w)", f" {signs.plus}", needs="+"),
        figure_rule(rf"{value}(?: (?=[^\W\d_]))?", say_number),
    )


def sign_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for signs between words, which go last."""
    words, signs = language.words, language.words.signs
    formulas = FORMULA_WORDS[language.code]
    named = {char: name for char, name in formulas.signs.items() if char in _MATHEMATICAL}
    named["√"] = formulas.root
    return (
        rule(r"(?<=\w) ?= ?(?=\w)", f" {signs.equals} ", needs="="),
        rule(
            r"(?<!\w)(und|et|y|e|en)/(oder|ou|o|of)(?!\w)",
            lambda found: f"{found[1]} {found[2]}",
            needs="/",
        ),
        rule(r" ?(?:→|⇒|➔|➜|(?<![-<])->) ?", f" {signs.arrow} ", needs="→⇒➔➜>"),
        rule(
            rf" ?([{''.join(named)}]) ?", lambda found: f" {named[found[1]]} ", needs="".join(named)
        ),
        rule(r"(?<=\w) ?≠ ?(?=\w)", f" {signs.unequal} ", needs="≠"),
        rule(r"(?<=\w) ?≈ ?(?=\w)", f" {signs.about} ", needs="≈"),
        rule(r"(?<=\w) ?≤ ?(?=\w)", f" {signs.at_most} ", needs="≤"),
        rule(r"(?<=\w) ?≥ ?(?=\w)", f" {signs.at_least} ", needs="≥"),
        rule(r"(?<=\w) ?× ?(?=\w)", f" {signs.times} ", needs="×"),
        rule(r"(?<=\w) ?÷ ?(?=\w)", f" {signs.divided} ", needs="÷"),
        rule(r"(?<=\w) > (?=\w)", f" {signs.more} ", needs=">"),
        rule(r"(?<=\w) < (?=\w)", f" {signs.less} ", needs="<"),
        rule(r"(?<=\w) ?\+ ?(?=\w)", f" {signs.plus} ", needs="+"),
        rule(r"(?<=\w) ?& ?(?=\w)", f" {signs.ampersand} ", needs="&"),
        rule(r"(?<=\w) ?% ?(?=\W|$)", f" {words.percent}", needs="%"),
        rule(
            r"(?<![^\W\d_])[\u0391-\u03a9\u03b1-\u03c9](?![^\W\d_])",
            lambda found: _greek_letter(found[0], language.code),
        ),
        rule(r"©", signs.copyright, needs="©"),
        rule(r"[™®]", "", needs="™®"),
        rule(r"(?<=\w)\^(?=\w)", f" {signs.power} ", needs="^"),
    )


def _greek_letter(letter: str, code: str) -> str:
    name = unicodedata.name(letter).rpartition(" ")[2].lower().replace("lamda", "lambda")
    if code == "de":
        return name.capitalize()
    return name if code == "fr" else name.replace("ph", "f")
