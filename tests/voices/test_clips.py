"""What is done to recordings before a voice is made of them."""

from __future__ import annotations

import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.engine.preview import PREVIEW_CONFIG, preview_voices
from app.errors import InvalidClip, Parameter
from app.speech import Clip, DecodedClip, Pcm
from app.voices.clips import (
    END_PAUSE_SECONDS,
    PEAK_DB,
    TARGET_LEVEL_DB,
    PromptBuilder,
    PromptReport,
    wav_bytes,
)
from tests.audio.probe import RATE_HZ, voice_like


def quiet(seconds: float) -> Pcm:
    return np.zeros(round(seconds * RATE_HZ), np.float32)


def noise(seconds: float, level_db: float) -> Pcm:
    samples = np.random.default_rng(3).standard_normal(round(seconds * RATE_HZ))
    return (10 ** (level_db / 20) * samples).astype(np.float32)


def sentences(count: int, level: float = 1.0) -> Pcm:
    """Speech of 0.8 s, pause of 0.3 s, again and again."""
    return np.concatenate([level * voice_like(0.8), quiet(0.3)] * count).astype(np.float32)


def prompt(*clips: Pcm, max_seconds: float = 15.0) -> tuple[Pcm, PromptReport]:
    builder = PromptBuilder(sample_rate_hz=RATE_HZ, max_seconds=max_seconds)
    for number, pcm in enumerate(clips):
        builder.add(DecodedClip(pcm), Clip(b"", f"{number}.wav", field=Parameter.RECORDINGS))
    return builder.build()


def level_db(pcm: Pcm) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(pcm, dtype=np.float64))) + 1e-12))


def test_trimmed() -> None:
    """Silence before and after is cut; what is between stays whole."""
    made, report = prompt(np.concatenate([quiet(2), sentences(3), quiet(3)]))
    assert len(made) / RATE_HZ == pytest.approx(3.05 + END_PAUSE_SECONDS, abs=0.06)
    clip = report.clips[0]
    assert clip.trimmed_start_seconds == pytest.approx(1.95, abs=0.03)
    assert clip.trimmed_end_seconds == pytest.approx(3.25, abs=0.05)
    assert report.seconds == pytest.approx(len(made) / RATE_HZ, abs=1e-3)
    assert any("silence cut from the start of '0.wav'" in line for line in report.actions)


@pytest.mark.parametrize("level_db", [-48, -42])
@pytest.mark.parametrize("everywhere", [False, True])
def test_noise_of_a_room_is_trimmed(level_db: float, everywhere: bool) -> None:
    """Before and after the speech it is as useless as silence, also if it goes on in the pauses."""
    spoken = sentences(4)
    clip = np.concatenate([quiet(0.96), spoken, quiet(2)])
    hiss = noise(len(clip) / RATE_HZ, level_db)
    if not everywhere:
        hiss[round(0.96 * RATE_HZ) : -2 * RATE_HZ] = 0
    _, report = prompt(clip + hiss)
    assert report.clips[0].trimmed_start_seconds == pytest.approx(0.9, abs=0.07)
    assert report.clips[0].trimmed_end_seconds == pytest.approx(2.2, abs=0.15)


def test_a_soft_onset_stays() -> None:
    """A word that begins with a breath of an "h" keeps it."""
    breath = noise(0.08, -45)
    made, _ = prompt(np.concatenate([quiet(1), breath, sentences(3)]))
    assert len(made) / RATE_HZ == pytest.approx(0.08 + 3.05 + END_PAUSE_SECONDS, abs=0.06)


def test_long_pauses_are_shortened() -> None:
    """Silence inside does not take the place of speech; usual pauses stay."""
    clip = np.concatenate([sentences(2), quiet(14), sentences(2)])
    made, report = prompt(clip)
    assert len(made) / RATE_HZ == pytest.approx(4.4 - 0.6 + 0.5 + END_PAUSE_SECONDS, abs=0.1)
    assert report.clips[0].shortened_pauses_seconds == pytest.approx(13.8, abs=0.1)
    assert any("cut out of '0.wav'" in line for line in report.actions)
    assert prompt(sentences(4))[1].clips[0].shortened_pauses_seconds == 0


def tones(*frequencies_hz: float, seconds: float = 3.0) -> Pcm:
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sines = np.stack([np.sin(2 * np.pi * hz * time) for hz in frequencies_hz])
    return np.asarray(sines.mean(axis=0), dtype=np.float32)


SWEEP = np.sin(2 * np.pi * np.cumsum(np.linspace(200, 1500, 3 * RATE_HZ)) / RATE_HZ)


@pytest.mark.parametrize(
    "clip",
    [
        tones(440),
        tones(50),
        tones(697, 1209),
        np.sign(tones(300)) * np.float32(0.3),
        np.concatenate([tones(1000, seconds=0.4), quiet(0.3)] * 5),
        np.float32(0.1) * tones(440) + noise(3, -50),
        SWEEP.astype(np.float32),
    ],
    ids=["sine", "hum", "telephone keys", "square", "beeps", "in noise", "sweep"],
)
def test_tones_are_no_voice(clip: Pcm) -> None:
    """What a generator makes is refused, and the error says what it is."""
    with pytest.raises(InvalidClip, match="files holds tones and no voice") as caught:
        prompt(clip)
    assert caught.value.field is Parameter.RECORDINGS


@pytest.mark.parametrize("name", sorted(preview_voices()))
def test_voices_are_no_tones(name: str) -> None:
    """Recordings of people pass, high and deep."""
    with wave.open(str(PREVIEW_CONFIG.with_name("voices") / f"{name}.wav")) as file:
        recorded = np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(32768)
    assert prompt(recorded.astype(np.float32))[1].seconds > 3


@pytest.mark.parametrize("peak_db", [-40, -52, -59])
def test_a_quiet_recording_is_speech(peak_db: float) -> None:
    """What can be heard at all is judged by what is in it, and not by its level."""
    spoken = sentences(3)
    _, report = prompt(spoken * np.float32(10 ** (peak_db / 20) / np.abs(spoken).max()))
    assert report.clips[0].used_seconds == pytest.approx(3.05, abs=0.06)


def test_what_was_prepared_is_not_prepared_again() -> None:
    """A voice that was made here and lies in the folder sounds as when it was made."""
    once, _ = prompt(np.concatenate([quiet(1), sentences(5, 0.1)]))
    twice, report = prompt(once)
    assert len(twice) == pytest.approx(len(once), abs=0.05 * RATE_HZ)
    assert abs(report.clips[0].gain_db) < 0.2


def test_ends_on_a_pause() -> None:
    """The end fades into exactly 80 ms of silence, without a click."""
    made, _ = prompt(sentences(2))
    pause = round(END_PAUSE_SECONDS * RATE_HZ)
    assert not made[-pause:].any()
    assert abs(made[-pause - 1]) < 1e-3
    assert np.abs(made[-pause - 2400 : -pause]).max() > 0.01


@pytest.mark.parametrize("level", [0.02, 0.1, 0.5])
def test_level(level: float) -> None:
    """Quiet and loud recordings come out equally loud, and none clips."""
    _, report = prompt(sentences(3, level))
    assert report.level_db == pytest.approx(TARGET_LEVEL_DB, abs=1.5)
    assert report.peak_db <= PEAK_DB + 0.1


def test_background_stays_quiet() -> None:
    """A quiet recording is not made so loud that its background becomes a noise."""
    quiet_speech = sentences(4, 0.02)
    made, report = prompt(quiet_speech + noise(len(quiet_speech) / RATE_HZ, -62))
    pause = made[round(0.9 * RATE_HZ) : round(1.0 * RATE_HZ)]
    assert level_db(pause) < -47
    assert any("quieter than usual" in line for line in report.actions)


def test_steady_noise() -> None:
    """What is nothing but background stays in the background."""
    for level in (-58, -45, -30):
        made, report = prompt(noise(3, level))
        assert level_db(made) < max(level, -49)
        assert report.clips[0].gain_db <= max(0, -49 - level)


def test_joined() -> None:
    """Several recordings are joined at one level, with a short silence between."""
    made, report = prompt(sentences(2, 0.05), sentences(2, 0.5))
    first, second = (clip.used_seconds for clip in report.clips)
    assert len(made) / RATE_HZ == pytest.approx(first + second + 0.2 + 0.08, abs=0.01)
    cut = round((first + 0.1) * RATE_HZ)
    assert level_db(made[cut - 1000 : cut + 1000]) < -100
    assert level_db(made[:cut]) == pytest.approx(level_db(made[cut:]), abs=1.5)


def test_cut_on_a_pause() -> None:
    """What is too long is cut in a pause, not in a word."""
    made, report = prompt(sentences(20), max_seconds=5.0)
    assert 3.5 < len(made) / RATE_HZ <= 5.0
    spoken_end = len(made) - round((END_PAUSE_SECONDS + 0.02) * RATE_HZ)
    assert level_db(made[spoken_end - 1000 : spoken_end]) < -60
    assert any("cut after" in line for line in report.actions)


def test_no_pause_to_cut_on() -> None:
    """Speech without a pause is cut at the limit and faded out."""
    made, _ = prompt(np.concatenate([voice_like(20)]), max_seconds=5.0)
    assert len(made) / RATE_HZ == pytest.approx(5.0, abs=0.2)
    assert abs(made[-round(END_PAUSE_SECONDS * RATE_HZ) - 1]) < 1e-3


def test_full() -> None:
    """What no longer fits is left out, and the report says so."""
    _, report = prompt(sentences(5), sentences(2), max_seconds=5.0)
    assert len(report.clips) == 1
    assert "'1.wav' left out: the prompt is full" in report.actions


@pytest.mark.parametrize("clip", [quiet(5), quiet(0), np.concatenate([quiet(2), voice_like(0.5)])])
def test_no_speech(clip: Pcm) -> None:
    """Less than a second of sound is no voice."""
    with pytest.raises(InvalidClip, match=r"files has 0\.\d\d s of speech") as caught:
        prompt(clip)
    assert caught.value.field is Parameter.RECORDINGS


def test_click_at_the_edge() -> None:
    """One click does not make the whole recording count as silence."""
    clip = np.concatenate([quiet(1), sentences(3, 0.05), quiet(1)])
    clip[100] = 1.0
    made, _ = prompt(clip)
    assert len(made) / RATE_HZ > 3.0


@given(
    seconds=st.floats(1.3, 6),
    level=st.floats(0.01, 1),
    max_seconds=st.floats(1, 8),
    before=st.floats(0, 1),
)
@hypothesis_settings(max_examples=25, deadline=None)
def test_any_recording(seconds: float, level: float, max_seconds: float, before: float) -> None:
    """A prompt is finite, never clips, never over its length, at least a second."""
    clip = np.concatenate([quiet(before), np.float32(level) * voice_like(seconds)])
    made, report = prompt(clip, max_seconds=max_seconds)
    assert np.isfinite(made).all()
    assert np.abs(made).max() <= 1.0
    assert 1.0 - 1e-3 <= len(made) / RATE_HZ <= max_seconds + 1e-3
    assert len(wav_bytes(made, RATE_HZ)) == 44 + 2 * len(made)
    assert report.sample_rate_hz == RATE_HZ
