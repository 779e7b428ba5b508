"""This module finds formulas in a text, and says, names or leaves them out.

Formulas stand between dollars, `\\(` and `\\)`, `\\[` and `\\]`, or in an environment such as
`\\begin{equation}`; single commands of LaTeX are found outside of these too. An amount of money,
"$5 and $10", is never taken for a formula. Time is linear in the text.
"""

from __future__ import annotations

import re

from app.speech import FormulaReading
from app.text.mapped import MappedText
from app.text.normalisation.formulas.speaking import speak_formula
from app.text.normalisation.formulas.vocabulary import FORMULA_WORDS
from app.text.normalisation.language import Language

_ENVIRONMENTS = (
    "equation|align|gather|multline|eqnarray|alignat|displaymath|math|aligned|cases|"
    "matrix|pmatrix|bmatrix|vmatrix|Bmatrix|Vmatrix|array|split"
)
_FORMULA = re.compile(
    r"(?<!\\)\$\$(?P<display>[^$]{1,2000})\$\$"
    r"|\\\[(?P<bracket>(?:[^\\]|\\[^\[\]]){1,2000})\\\]"
    r"|\\\((?P<paren>(?:[^\\]|\\[^()]){1,1000})\\\)"
    rf"|(?P<whole>\\begin\{{(?P<environment>{_ENVIRONMENTS})(?P<star>\*?)\}}"
    r"(?:[^\\]|\\(?!begin\{(?P=environment)\b)(?!end\{(?P=environment)\b)[^\n]|\\\n){1,2000}"
    r"\\end\{(?P=environment)(?P=star)\})"
    r"|(?<![A-Za-z0-9$\\])\$(?![\s$])(?P<inline>(?:[^$\n\\]|\\[^\n]|\n(?![ \t]*\n)){1,400})"
    r"(?<![\s\\])\$(?![A-Za-z0-9$])"
)
_ARGUMENT = r"\{(?:[^{}\n]|\{(?:[^{}\n]|\{[^{}\n]{0,40}\}){0,60}\}){0,100}\}"
_COMMAND = re.compile(
    r"(?<![\w:\\/])\\(?:ce\{(?:[^{}\n]|\{[^{}\n]{0,20}\}){1,200}\}"
    rf"|[dt]?frac{_ARGUMENT}{_ARGUMENT}|d?binom{_ARGUMENT}{_ARGUMENT}"
    rf"|sqrt(?:\[\w{{1,3}}\])?{_ARGUMENT}|boxed{_ARGUMENT}|(?:vec|hat|bar|mathbb|mathbf|mathrm){_ARGUMENT}"
    r"|(?:alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|pi|rho|"
    r"sigma|tau|upsilon|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Xi|Pi|Sigma|Phi|Psi|Omega|"
    r"times|cdot|div|pm|mp|leq|geq|le|ge|neq|ne|approx|equiv|sim|infty|rightarrow|Rightarrow|"
    r"leftarrow|leftrightarrow|to|in|notin|cup|cap|subset|forall|exists|sum|prod|int|partial|nabla|"
    r"ldots|dots|cdots|circ|degree|therefore|because|implies|iff|angle|perp|propto)(?![A-Za-z]))"
)
_TEXT_COMMAND = re.compile(
    r"(?<![\w:\\/])\\(?:text(?:bf|it|tt|rm|sf|sc)?|emph|underline|mbox|section\*?|subsection\*?|"
    r"subsubsection\*?|paragraph|title|chapter|caption)\{([^{}\n]{0,300})\}"
)
_LINK_COMMAND = re.compile(
    r"(?<![\w:\\/])\\(?:href\{[^{}\n]{0,500}\}|url(?=\{))\{([^{}\n]{0,300})\}"
)
_EMPTY_COMMAND = re.compile(
    r"~?(?<![\w:\\/])\\(?:(?:footnote|label|ref|autoref|pageref|cite[pt]?|eqref|vspace|hspace|begin|end)\*?\{[^{}\n]{0,200}\}"
    r"|(?:item|noindent|newline|newpage|maketitle|quad|qquad|centering|hline|par)(?![A-Za-z]))[ ]?"
)
_LOOSE_DOLLARS = re.compile(r"(?<!\\)\${2,}")
_IN_BRACES = re.compile(r"\\(?:text|mathrm|mathbf|operatorname|textbf|mbox)\*?\{[^{}]*\}")
_NAME = re.compile(r"\\[A-Za-z]+")
_MATHS = re.compile(r"[\\^_{}=<>≤≥≠±×÷√∑∫∈→∞π+*/|]")
_WORD = re.compile(r"[^\W\d_]{4,}")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_SHORT = re.compile(
    r"[A-Za-z]['′]{0,3}|[A-Z]{2,4}|[A-Za-zα-ωΑ-Ω]{1,2}[(\[][^()\[\]]{1,30}[)\]]|[α-ωΑ-Ω]"
)
_PLAIN = re.compile(r"[-+−\w\s.,:;'′()|!]{1,60}")


def read_formulas(text: MappedText, reading: FormulaReading, language: Language) -> MappedText:
    """Say, name or leave out the formulas of a text.

    Args:
        text: as it was written, with all its signs.
        reading: what to do.
        language: of the words; one without words for formulas leaves the text as it is.
    """
    words = FORMULA_WORDS.get(language.code)
    if words is None or not ("\\" in text.text or "$" in text.text):
        return text

    def spoken(latex: str) -> str:
        if reading == "skip":
            return ""
        said = speak_formula(latex, language) if reading == "say" else None
        return said or words.formula

    def whole(found: re.Match[str]) -> str | None:
        inline = found["inline"]
        in_dollars = inline or found["display"]
        if in_dollars and not (in_dollars.strip() and _is_formula(in_dollars.strip())):
            return None
        latex = inline or found["display"] or found["bracket"] or found["paren"] or found["whole"]
        return _apart(spoken(latex.strip()) if latex.strip() else "", found)

    text = text.sub(_FORMULA, whole)
    if "\\" in text.text:
        text = text.sub(_TEXT_COMMAND, lambda found: found[1])
        text = text.sub(_LINK_COMMAND, lambda found: found[1])
        text = text.sub(_EMPTY_COMMAND, lambda found: " " * (found[0][0] + found[0][-1] == "~ "))
        text = text.sub(_COMMAND, lambda found: _apart(spoken(found[0]), found))
    return text.sub(_LOOSE_DOLLARS, " ")


def _apart(spoken: str, found: re.Match[str]) -> str:
    """Put spaces around words that would touch letters."""
    if not spoken:
        return ""
    before = found.string[found.start() - 1 : found.start()]
    after = found.string[found.end() : found.end() + 1]
    return f"{' ' if before.isalnum() else ''}{spoken}{' ' if after.isalnum() else ''}"


def _is_formula(inside: str) -> bool:
    """Tell whether what is between two dollars is a formula, and not money with words after it."""
    bare = _NAME.sub(" ", _IN_BRACES.sub(" ", inside))
    if inside[0].isdigit() and "\\" not in inside:
        return not _LETTERS.search(bare)
    if _MATHS.search(inside):
        return "\\" in inside or len(_WORD.findall(bare)) <= 2
    if _SHORT.fullmatch(inside):
        return True
    return _PLAIN.fullmatch(inside) is not None and not _LETTERS.search(bare)
