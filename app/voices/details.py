"""Reads and checks what is known of a voice besides its sound: NAME.json next to NAME.wav."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from app.errors import InvalidRequest, Parameter, shortened

logger = logging.getLogger(__name__)

MAX_DESCRIPTION_CHARS = 2000
_MOST_COMMAS = 1000
MAX_TAGS = 32
MAX_TAG_CHARS = 64
_MAX_FILE_BYTES = 1 << 20

_LANGUAGE_CHARS = 100
LANGUAGES: Mapping[str, str] = {
    "english": "en",
    "french": "fr",
    "german": "de",
    "portuguese": "pt",
    "italian": "it",
    "spanish": "es",
    "dutch": "nl",
}
"""Pocket TTS speaks these languages; their two-letter codes stand by their English names."""

_THREE_LETTERS: Mapping[str, str] = {
    "eng": "en",
    "fra": "fr",
    "fre": "fr",
    "deu": "de",
    "ger": "de",
    "por": "pt",
    "ita": "it",
    "spa": "es",
    "nld": "nl",
    "dut": "nl",
}
"""This maps the codes of ISO 639-2 to those of two letters."""


@dataclass(frozen=True, slots=True)
class VoiceDetails:
    """Describes a voice. Everything may be missing, since a file that was dropped in is a voice."""

    title: str | None = None
    """The maker of the voice calls it by this title, if that differs from its name."""
    description: str | None = None
    tags: tuple[str, ...] = ()
    language: str | None = None
    """The language is a code of two letters."""
    created: str | None = None
    """The time is in ISO 8601 and UTC."""
    reference_seconds: float | None = None
    model: str | None = None
    """An imported state was made for the model with this fingerprint."""
    report: Mapping[str, Any] | None = field(default=None, hash=False)
    """The report says what was done to the recordings, as `PromptReport` does."""
    labels: Mapping[str, str] | None = field(default=None, hash=False)
    """Clients that have labels in the place of tags describe the voice by these."""
    voice_settings: Mapping[str, Any] | None = field(default=None, hash=False)
    """These shape speech where a request does not, in the words of the client that set them."""

    consent: str | None = None
    """The recording in which the owner of the voice agrees to its use has this id."""

    def replacing(self, old: VoiceDetails) -> VoiceDetails:
        """Return these details, with what people said in the `old` ones where these are silent."""
        kept = ("title", "description", "tags", "language", "labels", "voice_settings", "consent")
        return replace(self, **{name: getattr(self, name) or getattr(old, name) for name in kept})

    @property
    def created_unix(self) -> int | None:
        """Return when the voice was made, in Unix time; None where nothing readable is noted."""
        try:
            moment = datetime.fromisoformat((self.created or "")[:19])
        except ValueError:
            return None
        return int(moment.replace(tzinfo=UTC).timestamp())

    def to_json(self) -> bytes:
        """Encode the details as `read_details` reads them."""
        known = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return json.dumps(known, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def read_details(path: Path) -> VoiceDetails | None:
    """Read the details in `path`; return None where there are none that can be read.

    A file that an operator broke must not take the voice away: its details are left out.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_FILE_BYTES)
        return _from_json(json.loads(data))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        logger.warning("%s is left out: %s", path, error)
        return None


def check_description(text: str | None) -> str | None:
    """Return a description as it is kept, None for an empty one.

    Raises:
        InvalidRequest: it is too long.
    """
    text = (text or "").strip()
    if len(text) > MAX_DESCRIPTION_CHARS:
        raise InvalidRequest(
            f"{Parameter.DESCRIPTION} has {len(text)} characters; "
            f"{MAX_DESCRIPTION_CHARS} are allowed",
            field=Parameter.DESCRIPTION,
        )
    return text or None


def check_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags as they are kept: separated at commas, without doubles.

    Raises:
        InvalidRequest: there are too many, or one is too long.
    """
    # As many as are allowed show whether there are more, however many commas there are.
    parts = (part.strip() for tag in tags for part in tag.split(",", _MOST_COMMAS))
    found = tuple(dict.fromkeys(part for part in parts if part))
    if len(found) > MAX_TAGS:
        raise InvalidRequest(
            f"there are {len(found)} {Parameter.TAGS}; {MAX_TAGS} are allowed", field=Parameter.TAGS
        )
    if any(len(tag) > MAX_TAG_CHARS for tag in found):
        raise InvalidRequest(
            f"{Parameter.TAGS}: a tag has at most {MAX_TAG_CHARS} characters",
            field=Parameter.TAGS,
        )
    return found


def check_labels(labels: Mapping[str, object]) -> dict[str, str]:
    """Return labels as they are kept, if they are short texts under short names.

    Raises:
        InvalidRequest: there are too many, or one is no text or too long.
    """
    if len(labels) > MAX_TAGS:
        raise InvalidRequest(
            f"there are {len(labels)} {Parameter.LABELS}; {MAX_TAGS} are allowed",
            field=Parameter.LABELS,
        )
    kept = {name: text for name, text in labels.items() if isinstance(text, str)}
    if len(kept) < len(labels):
        raise InvalidRequest(
            f"each of the {Parameter.LABELS} must be a text", field=Parameter.LABELS
        )
    if any(len(part) > MAX_TAG_CHARS for pair in kept.items() for part in pair):
        raise InvalidRequest(
            f"{Parameter.LABELS}: a label has at most {MAX_TAG_CHARS} characters, and so has its "
            "name",
            field=Parameter.LABELS,
        )
    return kept


def language_code(language: str | None) -> str | None:
    """Write a language as two letters, whether it comes as `en`, `en-US`, `eng` or `English`.

    Returns:
        What is no language of Pocket TTS comes back in small letters; None for none.
    """
    wanted = (language or "")[:_LANGUAGE_CHARS].strip().lower()
    first = wanted.replace("_", "-").split("-")[0]
    return LANGUAGES.get(wanted) or _THREE_LETTERS.get(first, first) or None


def check_language(language: str | None) -> str | None:
    """Return the two-letter code of a language such as `en`, `en-GB` or `english`; None for none.

    Raises:
        InvalidRequest: Pocket TTS does not speak it.
    """
    code = language_code(language)
    if code is not None and code not in LANGUAGES.values():
        raise InvalidRequest(
            f"{Parameter.LANGUAGE} must be one of {', '.join(LANGUAGES.values())}; "
            f"it is {shortened(str(language), 40)!r}",
            field=Parameter.LANGUAGE,
        )
    return code


def language_of_model(model_name: str) -> str | None:
    """Find the language in the name of a model: `en` for `english_18m_2026-10`; None if unsaid."""
    return LANGUAGES.get(model_name.partition("_")[0].lower())


def _from_json(document: object) -> VoiceDetails:
    if not isinstance(document, dict):
        raise TypeError("not a JSON object")
    known = cast("dict[str, Any]", document)
    kinds: dict[str, type | tuple[type, ...]] = {
        "reference_seconds": (int, float),
        "tags": list,
        "report": dict,
        "labels": dict,
        "voice_settings": dict,
    }
    values: dict[str, Any] = {}
    for each in fields(VoiceDetails):
        value = known.get(each.name)
        if value is not None:
            if not isinstance(value, kinds.get(each.name, str)):
                raise TypeError(f"{each.name} is a {type(value).__name__}")
            values[each.name] = value
    if "tags" in values:
        values["tags"] = tuple(str(tag) for tag in values["tags"])
    if "labels" in values:
        values["labels"] = {name: str(text) for name, text in values["labels"].items()}
    return VoiceDetails(**values)
