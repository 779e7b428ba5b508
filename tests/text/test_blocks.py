"""Thoughts, scripts and blocks of code are found in all of a text, however long they are."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.text.blocks import read_blocks
from app.text.mapped import MappedText
from app.text.normalisation.formulas.reading import read_formulas
from app.text.normalisation.languages import find_language
from app.text.unspoken import find_unspoken


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("<think>" + "Hm. So. " * 1000 + "</think>Yes.", "Yes."),
        ("The <think> tag is used.", "The <think> tag is used."),
        ("Use <think> and </think> tags.", "Use <think> and </think> tags."),
        ("Use `<think>` alone.", "Use `<think>` alone."),
        ("<think>a <thinking>b</think>Yes.", "Yes."),
        ("a <|end|> b", "a b"),
        ("analysisWe need it.assistantfinalYes.", "Yes."),
        ("analysis of data", "analysis of data"),
    ],
)
def test_thoughts_go(written: str, left: str) -> None:
    """They are left out, but a tag that is only talked about stays."""
    assert read_blocks(written, language="en").text == left


def test_what_is_left_leads_to_the_script() -> None:
    """Words after a block know where they were written."""
    text = read_blocks("<think>x</think>Yes ```\n", language="en")
    assert text.source_span(0, 3) == (16, 19)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/think|`~\n {}scrpty[]THINK", max_size=60))
def test_stretches_are_in_order(text: str) -> None:
    """They do not overlap, whatever is written."""
    done = 0
    for start, end, _ in find_unspoken(text):
        assert done <= start < end <= len(text)
        done = end
    read_blocks(text, language="en", code="read")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [*"$\\{}^_()[]|&123xyz+-=,. \n'!", r"\frac", r"\sqrt", r"\sum", r"\(", r"\)", r"\text",
             r"\left", r"\right", r"\begin{align}", r"\end{align}", r"\alpha", r"\lim", "$$", r"\["]
        ),
        max_size=20,
    ).map("".join)
)  # fmt: skip
def test_any_latex_is_read(latex: str) -> None:
    """Whatever stands in a formula, nothing fails, and nothing of it is read as money."""
    english = find_language("en")
    assert english is not None
    said = read_formulas(MappedText(rf"a \({latex}\) b, ${latex}$ c"), "say", english)
    assert isinstance(said.text, str)
