"""What goes on is said once a minute, and anew once it was over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from app.seldom import SAY_AGAIN_SECONDS, Seldom


def test_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    now_seconds = 5.0  # as on a machine that has just started
    monkeypatch.setattr("app.seldom.time", SimpleNamespace(monotonic=lambda: now_seconds))
    seldom = Seldom()
    assert not seldom.is_over()
    assert [seldom.is_due() for _ in range(3)] == [True, False, False]
    now_seconds += SAY_AGAIN_SECONDS + 1
    assert [seldom.is_due() for _ in range(2)] == [True, False]
    assert seldom.is_over()
    assert not seldom.is_over()
    assert seldom.is_due()
