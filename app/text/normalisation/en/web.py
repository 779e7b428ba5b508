"""This module spells out addresses, names of files, versions, tags and colours in English."""

from __future__ import annotations

import re

from app.text.mapped import MappedText
from app.text.normalisation.en.numbers import cardinal, number, spell_digits, year
from app.text.normalisation.rules import Rule, alternatives, rule, words

_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", ":": "colon", "?": "question mark",
    "=": "equals", "&": "and", "#": "hash", "%": "percent", "~": "tilde", "@": "at", "+": "plus",
    "\\": "backslash", "*": "star",
}  # fmt: skip
_TOP_LEVEL = (
    "com org net edu gov mil int info io ai dev app eu uk de fr ch nl ca au jp tv fm gg xyz"
)
_SECOND_LEVEL = r"(?:co|ac|org|gov|com)\.(?:uk|jp|au|nz|za|br|in)"
_SPELLED_PARTS = words("io ai uk eu de fr ch nl ca au jp tv fm gg nz za br")
_EXTENSIONS = (
    "pdf txt md doc docx xls xlsx ppt pptx csv tsv json xml yaml yml toml ini cfg conf log html "
    "htm "
    "css js ts py rb rs go java cpp hpp sh bat exe dll zip gz tar tgz rar iso dmg apk jpg jpeg png "
    "gif svg webp bmp tiff mp3 mp4 wav ogg flac m4a avi mov mkv webm epub safetensors onnx sql db"
)
_SPOKEN_EXTENSIONS = words(
    "doc json yaml toml log zip tar java gif jpeg exe bat rar iso go epub safetensors conf"
)
_ADDRESS_REST = r"(?::\d{1,5})?(?:[/?#][^\s<>\"|^(){}]{0,2000})?"
_PART = re.compile(r"[A-Za-z]+|[0-9]+|[^\w\s]|_|[^\W\d_]+")
_UNDERSCORE = {ord("_"): " "}
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|_")


def _spell_address(address: str) -> str:
    spoken: list[str] = []
    for part in _PART.findall(address):
        if part.isdecimal():
            spoken.append(_say_run(part))
        elif part.isalpha():
            previous = spoken[-1] if spoken else ""
            is_spelled = previous == "dot" and part.lower() in _SPELLED_PARTS
            spoken.append(" ".join(part.upper()) if is_spelled else part)
        else:
            spoken.append(_SIGNS.get(part, ""))
    return " ".join(word for word in spoken if word)


def _say_run(digits: str) -> str:
    if digits[0] != "0" and len(digits) == 4 and digits[:2] in {"19", "20"}:
        return year(int(digits))
    return cardinal(digits) if len(digits) <= 2 and digits[0] != "0" else spell_digits(digits)


def _say_url(found: re.Match[str]) -> str:
    address = found[0]
    bare = address.rstrip(".,;:!?'*_")
    scheme, mark, rest = bare.partition("://")
    return _spell_address(rest.rstrip("/") if mark else scheme.rstrip("/")) + address[len(bare) :]


def _say_file(found: re.Match[str]) -> str:
    extension = found[2]
    lower = extension.lower()
    letters = re.sub(r"\d", "", lower)
    spoken = lower if lower in _SPOKEN_EXTENSIONS else " ".join(letters.upper())
    digits = lower[len(letters) :] if lower.startswith(letters) else ""
    if lower == "m4a":
        spoken, digits = "M four A", ""
    parts = [_spell_address(found[1]), "dot", spoken, cardinal(digits) if digits else ""]
    return " ".join(part for part in parts if part)


def _say_parts(written: str, joint: str) -> str:
    return f" {joint} ".join(
        spell_digits(part) if part[0] == "0" and len(part) > 1 else cardinal(part)
        for part in written.split(".")
    )


def _say_grouped(found: re.Match[str]) -> str | None:
    """Say "1.000.000", as it is written on the continent, as a number."""
    return number(found[0].replace(".", ","))


def _say_version(found: re.Match[str]) -> str:
    name = "version" if found[1] in "vV" else found[1]
    return f"{name} {_say_parts(found[2], 'point')}"


def _say_ip(found: re.Match[str]) -> str:
    spoken = " dot ".join(spell_digits(part) for part in found[1].split("."))
    if found[2]:
        spoken += f" colon {spell_digits(found[2])}"
    return f"{spoken} slash {number(found[3])}" if found[3] else spoken


_NUMBERED = re.compile(
    r"(?<!\w)(?:order|ticket|invoice|case|part|item|model|ref|room|seat|gate|apt|unit|suite|issue|serial)"
    r"\.?:? ?\Z",
    re.IGNORECASE,
)


def _say_tag(found: re.Match[str]) -> str:
    is_number = _NUMBERED.search(found.string, max(0, found.start() - 12), found.start())
    name = "number" if is_number and any(map(str.isdecimal, found[1])) else "hashtag"
    return f"{name} {_CAMEL.sub(' ', found[1]).strip()}"


def _say_colour(found: re.Match[str]) -> str | None:
    code = found[1]
    if not any(char.isdigit() for char in code) or (len(code) == 3 and code.isdecimal()):
        return None
    return "hash " + " ".join(
        spell_digits(char) if char.isdigit() else char for char in code.upper()
    )


def part_underscores(text: MappedText) -> MappedText:
    """Write a space for every underscore that is in no address."""
    return text.translate(_UNDERSCORE)


WEB: tuple[Rule, ...] = (
    rule(
        r"(?:https?|(?<!\w)ftps?|sftp|wss?|file)://[^\s<>\"|^(){}]{1,2000}",
        _say_url,
        needs=":",
        flags=re.IGNORECASE,
    ),
    rule(
        r"(?<![\w.%+-])(?:mailto:)?[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}",
        lambda found: _spell_address(found[0].removeprefix("mailto:")),
        needs="@",
    ),
    rule(
        rf"(?<![\w.@/-])www\.[A-Za-z0-9-]{{1,63}}(?:\.[A-Za-z0-9-]{{1,63}}){{1,5}}{_ADDRESS_REST}",
        _say_url,
        needs=".",
        flags=re.IGNORECASE,
    ),
    rule(
        r"(?<![\w.@/-])(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,5}"
        rf"(?:{alternatives(_TOP_LEVEL.split())}|{_SECOND_LEVEL})(?![\w-])(?!\.\w){_ADDRESS_REST}",
        _say_url,
        needs=".",
    ),
    rule(
        rf"(?<![\w.@-])([\w][\w-]{{0,80}}(?:\.[\w-]{{1,40}}){{0,2}})\.({alternatives(_EXTENSIONS.split())})"
        r"(?![\w-])(?!\.\w)",
        _say_file,
        needs=".",
        flags=re.IGNORECASE,
    ),
    rule(
        r"(?<![\w.,])[1-9]\d{0,2}(?:\.\d{3}){0,8}(?:\.\d{3}\.000|\.0\d\d\.\d{3})(?!\.?\w)",
        _say_grouped,
        needs=".",
    ),
    rule(
        r"(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?::(\d{1,5}))?(?:/(\d{1,2}))?(?![\w.]\w)",
        _say_ip,
        needs=".",
    ),
    rule(
        r"(?<![\w.])(v|ver|version|release|python|java|node|ios|android|macos|windows|ubuntu|kernel)"
        r"\.?[ ]?(\d{1,6}(?:\.\d{1,6}){1,5})(?![\w,]\d)",
        _say_version,
        needs=".",
        flags=re.IGNORECASE,
    ),
    rule(
        r"(?<![\w.])v(\d{1,4})(?![\w.]\d)(?!\w)",
        lambda found: f"version {cardinal(found[1])}",
        needs="vV",
    ),
    rule(
        r"(?<![\w.,-])(?!\d{1,3}\.\d{1,3}\.\d{4}(?!\d))(\d{1,6}(?:\.\d{1,6}){2,5})(?![.,]?\w)",
        lambda found: _say_parts(found[1], "point"),
        needs=".",
    ),
    rule(
        r"(?<![\w.])(localhost):(\d{2,5})(?!\w)",
        lambda found: f"{found[1]} colon {spell_digits(found[2])}",
        needs=":",
    ),
    rule(r"(?<![\w&#])#([0-9A-Fa-f]{6}|[0-9A-Fa-f]{3})(?!\w)", _say_colour, needs="#"),
    rule(r"(?<![\w&#])#([^\W\d]\w{0,100})", _say_tag, needs="#"),
    rule(
        r"(?<!\w)@([A-Za-z_]\w{1,50})",
        lambda found: f"at {_CAMEL.sub(' ', found[1]).strip()}",
        needs="@",
    ),
    rule(r"(?<![\w])([CFJ])#(?!\w)", lambda found: f"{found[1]} sharp", needs="#"),
    rule(r"(?<![\w])C\+\+(?!\+)", "C plus plus", needs="+"),
)
