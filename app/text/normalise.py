"""This module writes a text as it is spoken: numbers, money, dates, units and signs in words.

The model reads letters and punctuation; it was not taught to read "$3.50". English, French, German,
Portuguese, Italian, Spanish and Dutch are brought into words; every language loses Markdown, HTML,
emoji and emoticons, what language models think before they answer, and blocks of code.
"""

from __future__ import annotations

from app.speech import CodeReading, FormulaReading
from app.text.blocks import read_blocks
from app.text.mapped import MappedText
from app.text.normalisation.emoji import remove_emoji
from app.text.normalisation.formulas.reading import read_formulas
from app.text.normalisation.languages import find_language
from app.text.normalisation.layout import mend_layout
from app.text.normalisation.letters import plain_letters
from app.text.normalisation.markdown import strip_markdown

_ROUNDS = 4


def normalise(
    text: MappedText | str,
    *,
    language: str,
    code: CodeReading = "skip",
    formulas: FormulaReading = "say",
) -> MappedText:
    """Write a text as it is spoken.

    Paragraphs and sentence marks stay, and no word is lost but what was never spoken: marks of
    Markdown and HTML, targets of links, emoji and emoticons, thoughts and code. English comes out
    without digits and signs. Outer white space stays as it is. The result is stable: normalised
    again it does not change. Takes time linear in the text.

    Args:
        text: Unicode text of any kind; best in the form `clean_script` gives. What is returned
            maps to it, or where it has a map of its own to what that leads to.
        language: two letters as in "en"; of an unknown language only marks and emoji are removed.
        code: what becomes of blocks of code.
        formulas: what becomes of formulas in LaTeX.
    """
    source = MappedText.of(text)
    core = source.strip()
    if not core:
        return source
    start = source.text.index(core.text)
    spoken = read_blocks(core, language=language, code=code).strip()
    known = find_language(language)
    if known is not None:
        spoken = read_formulas(spoken, formulas, known)
    # What a round removes or says may form something new with its neighbours for the next round.
    for _ in range(_ROUNDS):
        before, spoken = spoken, _speak_once(spoken, language).strip()
        if spoken.text == before.text:
            break
    return MappedText.join((source[:start], spoken, source[start + len(core) :]))


def _speak_once(text: MappedText, code: str) -> MappedText:
    plain = strip_markdown(remove_emoji(mend_layout(plain_letters(text), code)))
    language = find_language(code)
    return plain if language is None else language.speak(plain)
