"""Takes lie one after the other, or at the times that were asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.jobs.job import Chapter, Segment
from app.jobs.timeline import laid_out, marks_of, overruns, stretches
from app.marks import Mark, Marks
from app.speech import SPEECH_RATE_HZ


def segment(number: int, seconds: float | None, **fields: object) -> Segment:
    samples = None if seconds is None else round(seconds * SPEECH_RATE_HZ)
    known = {"chapter": 1, "text": f"Text {number}.", "voice": None, "seed": 0, "take": 1}
    return Segment(number=number, samples=samples, **{**known, "last": False, **fields})  # type: ignore[arg-type]


def placed_seconds(segments: list[Segment]) -> list[float]:
    found = laid_out(segments, chapter_pause_seconds=2.0)
    return [round(each.start / SPEECH_RATE_HZ, 3) for each in found]


def test_one_after_the_other() -> None:
    """Between chapters there is the pause, and after what is not spoken yet nothing is known."""
    segments = [
        segment(1, 1.5),
        segment(2, 1.0, last=True),
        segment(3, 3.0, chapter=2),
        segment(4, None, chapter=2),
        segment(5, 1.0, chapter=2, last=True),
    ]
    assert placed_seconds(segments) == [0.0, 1.5, 4.5]
    placed = laid_out(segments, chapter_pause_seconds=2.0)
    chapters = [Chapter(number, None, None, 2, 1) for number in (1, 2)]
    found = [(each.start, each.end) for each in stretches(placed, chapters)]
    assert found == [(0, 4.5 * SPEECH_RATE_HZ), (4.5 * SPEECH_RATE_HZ, 7.5 * SPEECH_RATE_HZ)]


def test_at_their_times() -> None:
    """What comes too late begins at once, and what follows is at its time again if it can be."""
    segments = [
        segment(1, 1.0, start_seconds=1.0, most_seconds=2.0),
        segment(2, 2.5, start_seconds=3.0, most_seconds=2.0),
        segment(3, 0.4, start_seconds=5.0, most_seconds=1.0),
        segment(4, 1.0, start_seconds=8.0, most_seconds=0.8),
    ]
    assert placed_seconds(segments) == [1.0, 3.0, 5.5, 8.0]
    placed = laid_out(segments, chapter_pause_seconds=2.0)
    assert [each.silence for each in placed] == [
        round(seconds * SPEECH_RATE_HZ) for seconds in (1.0, 1.0, 0.0, 2.1)
    ]
    late = [(each.number, round(seconds, 3)) for each, seconds in overruns(placed)]
    assert late == [(2, 0.5), (4, 0.2)]


def test_marks_are_heard_where_their_takes_are() -> None:
    """Times count from the beginning of what is heard, places in the text go on."""
    marks = Marks("attention", [Mark("Text", 0.1, 0.4, 0, 4)], [Mark("Text 1.", 0.1, 0.8, 0, 7)])
    segments = [
        segment(1, 1.0, start_seconds=1.0, most_seconds=2.0, marks=marks),
        segment(2, 1.0, start_seconds=4.0, most_seconds=2.0, marks=marks),
    ]
    found = marks_of(laid_out(segments, chapter_pause_seconds=0.0))
    assert [round(each.start_seconds, 3) for each in found.sentences] == [1.1, 4.1]
    assert [(each.script_start, each.script_end) for each in found.words] == [(0, 4), (7, 11)]


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.floats(0.01, 5), st.floats(0, 5)), min_size=1, max_size=12
    )
)
def test_nothing_is_heard_before_its_time_or_over_another(
    cues: list[tuple[float, float, float]],
) -> None:
    """Whatever was asked for, takes follow each other, none early, and each silence is theirs."""
    segments = [
        segment(number, seconds, start_seconds=start, most_seconds=most)
        for number, (start, seconds, most) in enumerate(sorted(cues), start=1)
    ]
    end = 0
    for each in laid_out(segments, chapter_pause_seconds=0.0):
        assert each.start - each.silence == end
        assert each.start >= round((each.segment.start_seconds or 0) * SPEECH_RATE_HZ)
        end = each.end
