"""Counts what the caller of a request uses, and tells what is left."""

from __future__ import annotations

from contextlib import ExitStack

from fastapi.requests import HTTPConnection

from app.api.http.access import caller_of
from app.api.http.dependencies import services_of
from app.callers.allowances import MINUTE_SECONDS

UNTIL_END = "until_end"
"""Under this name a request's state has an `ExitStack` that is closed when it has ended."""
ANSWER_HEADERS = "answer_headers"
"""Under this name a request's state may have what makes more headers for its answer."""


async def count_request(connection: HTTPConnection) -> None:
    """Count a request, whose answer will tell what is left.

    Raises:
        Overloaded: the caller has used up its requests of this minute.
    """

    async def left() -> dict[str, str]:
        return await _rate_limit_headers(connection)

    setattr(connection.state, ANSWER_HEADERS, left)
    await services_of(connection).allowances.use(caller_of(connection), "requests")


async def count_speech(connection: HTTPConnection, characters: int) -> None:
    """Count a request for speech, until all of it has been answered.

    Raises:
        Overloaded, TooLarge: the caller may not have so much now, or ever.
    """
    count_stream(connection, characters)
    await count_characters(connection, characters)


def count_stream(connection: HTTPConnection, characters: int = 0) -> None:
    """Count speech that goes on until the request has ended.

    Args:
        characters: how much text it is; 0 where that is still being written.

    Raises:
        Overloaded: as much as allowed goes on already.
    """
    until_end: ExitStack = getattr(connection.state, UNTIL_END)
    allowances = services_of(connection).allowances
    until_end.enter_context(allowances.streaming(caller_of(connection), characters))


async def count_characters(connection: HTTPConnection, characters: int) -> None:
    """Count what is to be spoken.

    Raises:
        Overloaded, TooLarge: the caller may not have so much now, or ever.
    """
    allowances = services_of(connection).allowances
    await allowances.use(caller_of(connection), "characters", characters)


async def _rate_limit_headers(connection: HTTPConnection) -> dict[str, str]:
    """Tell limits, and what is left of them, as the IETF's draft of RateLimit headers has it."""
    left = await services_of(connection).allowances.left(caller_of(connection))
    if not left:
        return {}
    return {
        "RateLimit-Policy": ", ".join(
            f'"{each.counted}";q={each.limit};w={MINUTE_SECONDS}' for each in left
        ),
        "RateLimit": ", ".join(
            f'"{each.counted}";r={each.left};t={each.resets_seconds}' for each in left
        ),
    }
