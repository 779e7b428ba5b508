"""This module knows the tags that steer other speech systems; they are not read aloud.

The lists name what those systems document and no more, so that ordinary words in brackets are
spoken: the emotions and sounds of Fish Audio, the sounds of Chatterbox, Orpheus, Bark, Dia and
CosyVoice, the usual audio tags of ElevenLabs, the tokens of ChatTTS.
"""

from __future__ import annotations

import re
from enum import Enum

SHORT_PAUSE_SECONDS = 0.25
MEDIUM_PAUSE_SECONDS = 0.5
LONG_PAUSE_SECONDS = 1.0


class Bracket(Enum):
    """Names the brackets that enclose a tag."""

    SQUARE = "[]"
    ROUND = "()"
    ANGLE = "<>"
    ANGLE_BAR = "<||>"
    STARS = "**"


def _names(listed: str) -> frozenset[str]:
    return frozenset(" ".join(name.split()) for name in listed.split(","))


_EMOTIONS = _names(
    """happy, sad, angry, excited, calm, nervous, confident, surprised, satisfied, delighted,
    scared, worried, upset, frustrated, depressed, empathetic, embarrassed, disgusted, moved, proud,
    relaxed, grateful, curious, sarcastic, disdainful, unhappy, anxious, hysterical, indifferent,
    uncertain, doubtful, confused, disappointed, regretful, guilty, ashamed, jealous, envious,
    hopeful, optimistic, pessimistic, nostalgic, lonely, bored, contemptuous, sympathetic,
    compassionate, determined, resigned, impatient, joyful, fearful, serious, cheerful,
    in a hurry tone, soft tone"""
)
_SOUNDS = _names(
    """laugh, laughs, laughing, laughter, chuckle, chuckles, chuckling, giggle, giggles, giggling,
    sigh, sighs, sighing, gasp, gasps, gasping, cough, coughs, coughing, sniff, sniffs, sniffing,
    sniffle, sniffles, groan, groans, groaning, yawn, yawns, yawning, sneeze, sneezes, snort,
    snorts, sob, sobs, sobbing, crying, crying loudly, whisper, whispers, whispering, shout, shouts,
    shouting, scream, screams, screaming, inhale, inhales, exhale, exhales, panting, snoring,
    wheezing, gulp, gulps, humming, hums, whistles, mumbles, burps, sings, singing, clear throat,
    clears throat, clears her throat, clears his throat, audience laughing, background laughter,
    crowd laughing, laughs harder, starts laughing"""
)
_SQUARE_ONLY = _names(
    """happily, sorrowful, mischievously, breath, breathes, breathing, quick breath, lip smack,
    applause, clapping, gunshot, explosion, music, man, woman, softly, quietly, loudly, noise,
    stts, ptts"""
)
_SQUARE_PATTERN = re.compile(
    r"(?:oral|laugh|speed|break) [0-9]{1,2}|(?:emotion|pace)=[\w ]+|(?:strong )?\w+ accent"
)
_LISTED = {
    Bracket.SQUARE: _EMOTIONS | _SOUNDS | _SQUARE_ONLY,
    Bracket.ROUND: _EMOTIONS | _SOUNDS,
    Bracket.ANGLE: _EMOTIONS | _SOUNDS | {"strong", "breath"},
    # Stars around an adjective are Markdown's emphasis; around "sighs" they are a stage direction.
    Bracket.STARS: frozenset(words for words in _SOUNDS if words.split()[0].endswith("s"))
    - {"sings", "shouts", "screams"},
}
_BREAKS = {
    "uv break": 0.2,
    "v break": 0.2,
    "lbreak": 0.5,
    "break": 0.4,
    "long break": 1.0,
    "pause": MEDIUM_PAUSE_SECONDS,
    "pauses": MEDIUM_PAUSE_SECONDS,
    "short pause": SHORT_PAUSE_SECONDS,
    "long pause": LONG_PAUSE_SECONDS,
}


def foreign_pause(inner: str, bracket: Bracket) -> float | None:
    """Return the seconds of silence that another system's tag stands for, 0 where it only goes.

    Args:
        inner: what stands between the brackets; case, "_" and "-" make no difference.
        bracket: which brackets those are.

    Returns:
        None if this is no such tag, but text to be spoken.
    """
    if bracket is Bracket.ANGLE_BAR:
        return 0.0
    name = " ".join(inner.casefold().replace("_", " ").replace("-", " ").split())
    if bracket is Bracket.ANGLE:
        name = name.strip("/ ")
        if name == "break":
            return None  # somebody talks of SSML's tag, which has attributes or ends in "/>"
    if name in _BREAKS and (bracket is not Bracket.STARS or name == "pauses"):
        return _BREAKS[name]
    listed = name in _LISTED[bracket]
    if bracket is Bracket.SQUARE:
        listed = listed or _SQUARE_PATTERN.fullmatch(name) is not None
    return 0.0 if listed else None
