"""OpenAI's own SDK, pointed at a server of the tests."""

from __future__ import annotations

import openai

from tests.serving import KEY, Served

INPUT = "Hello there, this is a short test."


def sdk_for(
    served: Served, *, base: str = "/v1", api_key: str = KEY, max_retries: int = 0
) -> openai.OpenAI:
    """A client that never tries again, unless it is told to."""
    return openai.OpenAI(base_url=served.url + base, api_key=api_key, max_retries=max_retries)


def async_sdk_for(
    served: Served, *, base: str = "/v1", api_key: str = KEY, max_retries: int = 0
) -> openai.AsyncOpenAI:
    """The same, asynchronous."""
    return openai.AsyncOpenAI(base_url=served.url + base, api_key=api_key, max_retries=max_retries)
