"""Each fault is noticed in speech-like sound, and the sound itself is not taken for one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.takes.faults import Fault, fault_of_sound, look_at_last
from app.engine.takes.flux import Flux
from app.engine.takes.hearing import Hearing
from app.engine.takes.pace import PIECES_TO_LEARN, Pace, expected_seconds
from app.engine.takes.policy import best_border
from app.speech import SPEECH_RATE_HZ, Pcm

TEXT = "The ferry leaves the harbour at seven, and comes back long after dark."


def speech(seconds: float = 3.0) -> Pcm:
    """Noise through bands that change eight times a second, louder and softer."""
    generator = np.random.default_rng(3)
    syllables = []
    for _ in range(round(8 * seconds)):
        time_seconds = np.arange(SPEECH_RATE_HZ // 8) / SPEECH_RATE_HZ
        first, last = generator.uniform(100, 2000, 2)
        pitches = np.linspace(first, last, len(time_seconds))
        sound = np.sin(2 * np.pi * np.cumsum(pitches) / SPEECH_RATE_HZ)
        sound += 0.3 * generator.standard_normal(len(time_seconds))
        syllables.append(0.2 * sound * np.hanning(len(sound)))
    return np.concatenate(syllables).astype(np.float32)


def silence(seconds: float) -> Pcm:
    return np.zeros(round(seconds * SPEECH_RATE_HZ), np.float32)


def tone(seconds: float) -> Pcm:
    time_seconds = np.arange(round(seconds * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    return (0.2 * np.sin(2 * np.pi * 170 * time_seconds)).astype(np.float32)


GOOD = speech()
BROKEN = GOOD.copy()
BROKEN[12345] = np.nan


@pytest.mark.parametrize(
    ("pcm", "fault"),
    [
        (GOOD, None),
        (GOOD[:9600], None),
        (BROKEN, "not finite"),
        (silence(2), "silence"),
        (silence(0), "silence"),
        (np.concatenate([silence(1.2), GOOD]), "silence"),
        (np.concatenate([GOOD[:30000], silence(1.2), GOOD[30000:]]), "silence"),
        (np.concatenate([GOOD[:30000], silence(0.5), GOOD[30000:]]), None),
        (np.clip(10 * GOOD, -1, 1), "clipping"),
        (np.concatenate([GOOD, tone(1.3)]), "stuck"),
        (np.concatenate([GOOD, tone(0.4), GOOD]), None),
    ],
)
def test_faults_that_can_be_heard(pcm: Pcm, fault: Fault | None) -> None:
    flux = Flux()
    for start in range(0, len(pcm), 1920):
        flux.feed(pcm[start : start + 1920])
    assert fault_of_sound(pcm, flux.least) == fault


@pytest.mark.parametrize("piece_samples", [97, 479, 960, 5000, 10**6])
def test_the_flux_does_not_hang_on_how_sound_comes(piece_samples: int) -> None:
    pcm = np.concatenate([GOOD[:30000], tone(1.1)])
    whole, flux = Flux(), Flux()
    whole.feed(pcm)
    for start in range(0, len(pcm), piece_samples):
        flux.feed(pcm[start : start + piece_samples])
    assert flux.least == pytest.approx(whole.least)
    assert flux.least < 0.2


def test_a_tone_is_noticed_after_a_second_of_it() -> None:
    hearing = Hearing()
    pcm = np.concatenate([GOOD, tone(2)])
    noticed = [
        start / SPEECH_RATE_HZ
        for start in range(0, len(pcm), 1920)
        if hearing.hear(pcm[start : start + 1920]) == "stuck"
    ]
    assert 3.9 < noticed[0] < 4.3


def test_the_look_at_the_last_words() -> None:
    mass = np.eye(6, dtype=np.float32)
    assert look_at_last(mass) == 1.0
    assert look_at_last(mass[:4]) == 0.0
    assert look_at_last(mass[:0]) == 0.0


class Voice:
    """Stands for a voice state."""


@pytest.mark.parametrize("own_pace", [0.7, 1.0, 1.6])
def test_a_voice_is_held_to_the_pace_that_it_was_heard_at(own_pace: float) -> None:
    pace, voice = Pace(), Voice()
    usual = own_pace * expected_seconds(TEXT)
    assert pace.fits(voice, TEXT, usual)
    assert not pace.fits(voice, TEXT, 5 * usual)
    assert pace.fits(voice, TEXT, usual / 1.8)
    for _ in range(PIECES_TO_LEARN):
        pace.learn(voice, TEXT, usual)
    assert pace.fits(voice, TEXT, usual * 1.3)
    assert not pace.fits(voice, TEXT, usual / 1.8)
    assert not pace.fits(voice, TEXT, 1.8 * usual)
    assert pace.fits(Voice(), TEXT, usual / 1.8)
    assert pace.fits(None, TEXT, usual / 1.8)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (TEXT, "The ferry leaves the harbour at seven, "),
        ("It rained. Nobody came to the market.", "It rained. "),
        ("Yes.", None),
        ("one two", "one "),
        ("A . . .", None),
    ],
)
def test_where_a_text_is_parted(text: str, first: str | None) -> None:
    border = best_border(text)
    assert (None if border is None else text[:border]) == first


@given(st.text(alphabet="ab ,.!?\n", max_size=60))
def test_both_halves_have_something_to_say(text: str) -> None:
    border = best_border(text)
    if border is not None:
        assert any(map(str.isalnum, text[:border]))
        assert any(map(str.isalnum, text[border:]))
        assert text[border - 1].isspace()
