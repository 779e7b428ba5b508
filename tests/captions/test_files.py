"""Caption files are read by parsers that are not ours, word for word and time for time."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pysubs2
import pytest
import webvtt

from app.captions.cues import CueLimits, lay_out
from app.captions.files import CAPTION_FORMATS
from app.marks import Mark, Marks

LIMITS = CueLimits()
SAID = "Tom & Ann paid <$3.50> --> that is little. — “Indeed!”, she said; 1 < 2, after all."


def marks_of(text: str, start_seconds: float = 0.0) -> Marks:
    words, place = [], 0
    for number, word in enumerate(text.split(" ")):
        start = start_seconds + number * 0.4
        words.append(Mark(word, start, start + 0.35, place, place + len(word)))
        place += len(word) + 1
    sentence = Mark(text, start_seconds, words[-1].end_seconds, 0, len(text))
    return Marks("attention", words, [sentence])


def written(name: str, marks: Marks, duration_seconds: float = 9.0) -> str:
    return CAPTION_FORMATS[name].write(marks, duration_seconds, LIMITS)


@pytest.mark.parametrize("name", ["srt", "vtt"])
@pytest.mark.parametrize("start_seconds", [0.0, 3599.9996, 36000.0])
def test_subtitles_are_read_by_others(tmp_path: Path, name: str, start_seconds: float) -> None:
    """Two independent parsers find the cues' own text and times, to the millisecond."""
    marks = marks_of(SAID, start_seconds)
    cues = lay_out(marks.words, LIMITS)
    path = tmp_path / f"said.{name}"
    path.write_text(written(name, marks), "utf-8")
    read = webvtt.read(str(path)) if name == "vtt" else webvtt.from_srt(str(path))
    assert [cue.start_in_seconds for cue in read.captions] == [
        int(cue.start_seconds + 1e-3) for cue in cues
    ]
    events = pysubs2.load(str(path))
    assert [(event.start, event.end) for event in events] == [
        (round(cue.start_seconds * 1000), round(cue.end_seconds * 1000)) for cue in cues
    ]
    if name == "srt":
        assert [event.text.replace("\\N", "\n") for event in events] == [cue.text for cue in cues]


def test_every_word_lights_up_in_webvtt(tmp_path: Path) -> None:
    """Each word of a WebVTT cue has its own time, and its signs are no markup."""
    marks = marks_of(SAID)
    path = tmp_path / "said.vtt"
    path.write_text(written("vtt", marks), "utf-8")
    raw = "\n".join(cue.raw_text for cue in webvtt.read(str(path)).captions)
    timed = re.findall(r"<([\d:.]+)><c>(.*?)</c>", raw)
    assert [text for _, text in timed] == [
        word.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for word in SAID.split(" ")
    ]
    assert [time for time, _ in timed[:3]] == ["00:00:00.000", "00:00:00.400", "00:00:00.800"]
    assert "-->" not in raw


def test_lyrics(tmp_path: Path) -> None:
    """LRC has a time for each line and each word, in hundredths of a second."""
    marks = marks_of("Row, row, row your boat.", 59.996)
    lines = written("lrc", marks, 125.5).splitlines()
    assert lines[0] == "[length:02:05.50]"
    assert lines[1].startswith("[01:00.00]<01:00.00>Row, <01:00.40>row,")
    path = tmp_path / "said.lrc"
    path.write_text("\n".join(lines), "utf-8")
    assert all(re.match(r"\[\d\d+:\d\d\.\d\d\]<", line) for line in lines[1:])


def test_json() -> None:
    """JSON has everything: how the times were found, sentences, words, and where they stand."""
    content = json.loads(written("json", marks_of("Hello there."), 1.23456))
    assert content["duration_seconds"] == 1.235
    assert content["method"] == "attention"
    assert content["sentences"] == [
        {"text": "Hello there.", "start": 0, "end": 0.75, "script_start": 0, "script_end": 12}
    ]
    assert content["words"][1] == {
        "text": "there.",
        "start": 0.4,
        "end": 0.75,
        "script_start": 6,
        "script_end": 12,
    }


@pytest.mark.parametrize("name", CAPTION_FORMATS)
def test_silence_has_no_captions(name: str) -> None:
    """Without words the files are valid and empty."""
    text = written(name, Marks("estimated"))
    if name == "vtt":
        assert len(webvtt.from_string(text)) == 0
    assert "-->" not in text
