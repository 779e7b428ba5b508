"""This module names programming languages, and says lines of code."""

from __future__ import annotations

import re
from types import MappingProxyType

from app.text.normalisation.rules import words

_NAMES = MappingProxyType({
    "py": "Python", "python3": "Python", "ipython": "Python", "js": "JavaScript",
    "javascript": "JavaScript", "node": "JavaScript", "ts": "TypeScript",
    "typescript": "TypeScript", "jsx": "JavaScript", "tsx": "TypeScript", "sh": "Shell",
    "bash": "Bash", "zsh": "Shell", "shell": "Shell", "console": "Shell", "terminal": "Shell",
    "powershell": "PowerShell", "ps1": "PowerShell", "cpp": "C++", "c++": "C++", "cs": "C#",
    "csharp": "C#", "golang": "Go", "rs": "Rust", "rb": "Ruby", "kt": "Kotlin", "md": "Markdown",
    "yml": "YAML", "yaml": "YAML", "json": "JSON", "html": "HTML", "css": "CSS", "xml": "XML",
    "sql": "SQL", "php": "PHP", "toml": "TOML", "dockerfile": "Docker", "objc": "Objective-C",
    "vb": "Visual Basic", "latex": "LaTeX", "tex": "LaTeX", "r": "R", "c": "C",
})  # fmt: skip
_NAMELESS = words("text txt plain plaintext none output log code diff")
_CODE = MappingProxyType({
    "en": ("{} code", "code"), "de": ("{}-Code", "Code"), "fr": ("code {}", "code"),
    "es": ("código {}", "código"), "it": ("codice {}", "codice"), "pt": ("código {}", "código"),
    "nl": ("{}-code", "code"),
})  # fmt: skip
_COMMENT = re.compile(r"^\s*(?://+|#+!?|/\*+|\*/|\*(?=\s)|--|<!--|;;+)\s?|\s*(?:\*/|-->)\s*$")
_REMARK = re.compile(r"(?<=\S)\s{1,9}(?:#|//)\s(?=[^\"']*$)")
_PROMPT = re.compile(r"^\s*(?:\$|>>>|\.\.\.|%|PS>)\s")
_WORDS = MappingProxyType({
    "===": "equals", "!==": "is not equal to", "==": "equals", "!=": "is not equal to",
    "<=": "is at most", ">=": "is at least", "+=": "plus equals", "-=": "minus equals",
    "*=": "times equals", "/=": "divided by equals", ":=": "equals", "&&": "and", "||": "or",
    "**": "to the power of", "//": "divided by", "->": "to", "=>": "to", "++": "plus plus",
    "--": "minus minus", "<<": "shift left", ">>": "shift right", "=": "equals", "+": "plus",
    "*": "times", "/": "divided by", "%": "modulo", "<": "is less than", ">": "is greater than",
    "!": "not", "::": "",
})  # fmt: skip
_OPERATOR = re.compile(
    r"===|!==|[=!<>+*/:-]=|&&|\|\||\*\*|//|->|=>|\+\+|--|<<|>>|::|(?<=\s)[-+*/%<>](?=\s)|=|!(?=\w)"
    r"|(?<=[\w)\]])[+*](?=[\w(])"
)
_STRING = re.compile(r"[fbru]?\"([^\"]{0,500})\"|(?<!\w)[fbru]?'([^']{0,500})'")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_DROPPED = re.compile(r"[()\[\]{};`\"'\\|&^~$@<>]+")
_MEMBER = re.compile(r"(?<=[A-Za-z_])\.(?=[A-Za-z_])")
_SPACES = re.compile(r"\s+")
_TRAILING = re.compile(r"[\s,:]+$")


def name_code(written: str, language: str) -> str:
    """Name a block of code, as "Python code"; without the name of a language, "code".

    Args:
        written: how the writer named the language, as "py".
        language: to say it in, two letters; others than those known are named in English.
    """
    named, nameless = _CODE.get(language, _CODE["en"])
    key = written.lower()
    if not key or key in _NAMELESS:
        return nameless.capitalize()
    name = _NAMES.get(key) or (written.capitalize() if written.islower() else written)
    spoken = named.format(name)
    return spoken[0].upper() + spoken[1:]


def _remark_of(line: str) -> tuple[str, str, str]:
    found = _REMARK.search(line)
    return (line[: found.start()], found[0], line[found.end() :]) if found else (line, "", "")


def speak_code_line(line: str, language: str) -> str:
    """Say a line of code: names as words, signs of reckoning by name, brackets not at all.

    Signs are named in English alone; elsewhere they stay, for the rules of the language.
    """
    line = _PROMPT.sub("", line)
    comment = _COMMENT.sub("", line)
    if comment != line:
        return _SPACES.sub(" ", comment).strip()
    code, mark, remark = _remark_of(line)
    if mark:
        return f"{speak_code_line(code, language)}, {_SPACES.sub(' ', remark).strip()}"
    text = _STRING.sub(lambda found: f" {found[1] or found[2] or ''} ", line)
    if language == "en":
        text = _OPERATOR.sub(lambda found: f" {_WORDS.get(found[0], found[0])} ", text)
    text = _MEMBER.sub(" dot " if language == "en" else " ", text)
    text = _DROPPED.sub(" ", _CAMEL.sub(" ", text).replace("_", " "))
    return _TRAILING.sub("", _SPACES.sub(" ", text).replace(" ,", ",")).strip()
