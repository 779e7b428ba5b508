"""Shares a Redis among the tests of what several servers count together."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.callers.redis import redis_on_loopback


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_on_loopback(tmp_path_factory.mktemp("redis")) as server:
        yield server.url
