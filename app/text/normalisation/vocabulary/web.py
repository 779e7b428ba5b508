"""This module says addresses of mail and of the web."""

from __future__ import annotations

import re

from app.text.normalisation.rules import Rule, rule
from app.text.normalisation.vocabulary.saying import Saying

_DOMAIN = r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"
_ENDINGS = (
    "com|org|net|edu|gov|info|io|ai|dev|app|eu|de|at|ch|fr|be|lu|es|mx|ar|cl|co|it|pt|br|nl|uk"
)
_REST = r"(?::\d{1,5})?(?:[/?#][^\s<>\"|^(){}]{0,500})?"
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")
_PART = re.compile(r"[^\W\d_]+|\d+|[^\w\s]|_")


def web_rules(language: Saying) -> tuple[Rule, ...]:
    """Build the rules for addresses, whose signs have names."""
    signs = language.words.signs
    hashtag = "Hashtag" if language.code == "de" else "hashtag"
    names = {
        ".": signs.point, "@": signs.at, "/": signs.slash, "-": signs.dash, "_": signs.underscore,
        "#": signs.hash, "&": signs.ampersand, "=": signs.equals, "+": signs.plus,
    }  # fmt: skip

    def say(found: re.Match[str]) -> str:
        address = found[0].removeprefix("mailto:")
        bare = address.rstrip(".,;:!?'*_")
        rest = bare.partition("://")[2] or bare
        parts = (names.get(part, part) for part in _PART.findall(rest.rstrip("/")))
        spoken = (part for part in parts if any(map(str.isalnum, part)))
        return " ".join(spoken) + address[len(bare) :]

    return (
        rule(
            r"(?<![\w&#])#([^\W\d]\w{0,100})",
            lambda found: f"{hashtag} {_CAMEL.sub(' ', found[1]).strip()}",
            needs="#",
        ),
        rule(
            r"(?<![\w@.])@([A-Za-z_]\w{1,50})(?![\w@]|\.\w)",
            lambda found: f"{signs.at} {_CAMEL.sub(' ', found[1]).strip()}",
            needs="@",
        ),
        rule(
            r"(?<![\w.])[vV](?=\d{1,4}(?:\.\d{1,6}){1,4}(?![\w]))", f"{signs.version} ", needs="."
        ),
        rule(r"(?:https?|ftps?)://[^\s<>\"|^(){}]{1,500}", say, needs=":", flags=re.IGNORECASE),
        rule(rf"(?<![\w.%+-])(?:mailto:)?[\w.%+-]{{1,64}}@{_DOMAIN}", say, needs="@"),
        rule(rf"(?<![\w.@/-])www\.{_DOMAIN}{_REST}", say, needs="."),
        rule(
            rf"(?<![\w.@/-])(?:[A-Za-z0-9][A-Za-z0-9-]{{1,62}}\.){{1,4}}(?:{_ENDINGS})(?![\w-])"
            rf"(?!\.\w){_REST}",
            say,
            needs=".",
        ),
    )
