"""A machine keeps up if at no moment more is needed than it has made until then."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.keeping_up import Need, keeps_up

STEP_SECONDS = 0.02

needs_of_some = st.lists(
    st.builds(Need, st.floats(0, 5), st.floats(0, 5)),
    max_size=8,
)


def worst_silence_seconds(needs: list[Need], rate: float) -> float:
    """Play it: in short steps, the machine works for whoever runs dry first."""
    made = [0.0] * len(needs)
    worst = 0.0
    for step in range(1, int(15 / STEP_SECONDS)):
        budget = rate * STEP_SECONDS
        while budget > 1e-9:
            unmade = [i for i, need in enumerate(needs) if made[i] < need.left_seconds]
            if not unmade:
                return worst
            first = min(unmade, key=lambda i: needs[i].slack_seconds + made[i])
            part = min(budget, needs[first].left_seconds - made[first], STEP_SECONDS)
            made[first] += part
            budget -= part
        now = step * STEP_SECONDS
        for need, has in zip(needs, made, strict=True):
            if has < need.left_seconds:
                worst = max(worst, now - need.slack_seconds - has)
    return worst


@given(needs_of_some, st.floats(0.5, 8))
def test_it_says_what_happens(needs: list[Need], rate: float) -> None:
    silence = worst_silence_seconds(needs, rate)
    if keeps_up(needs, rate):
        assert silence <= 3 * STEP_SECONDS * max(1, len(needs))
    if not keeps_up(needs, 1.02 * rate + 0.1):
        assert silence > 0


@given(needs_of_some, st.floats(0.5, 8), st.floats(0, 5))
def test_who_has_more_in_hand_is_no_burden(needs: list[Need], rate: float, more: float) -> None:
    eased = [Need(each.slack_seconds + more, each.left_seconds) for each in needs]
    assert keeps_up(eased, rate) or not keeps_up(needs, rate)


@pytest.mark.parametrize(
    ("needs", "rate", "expected"),
    [
        ([], 1.0, True),
        ([Need(0.0, 10.0)] * 4, 4.0, True),
        ([Need(0.0, 10.0)] * 5, 4.0, False),
        ([Need(2.5, 10.0)] * 5, 4.0, True),  # 50 s in 12.5
        ([Need(0.0, 1.0), *[Need(1.0, 10.0)] * 4], 4.0, True),
        ([Need(-0.1, 1.0)], 100.0, False),  # should have had it by now
        ([Need(-0.1, 0.0)], 1.0, True),  # has everything
    ],
)
def test_the_slack_of_all_lasts_until_enough_have_ended(
    needs: list[Need], rate: float, *, expected: bool
) -> None:
    assert keeps_up(needs, rate) is expected
