"""Measures the live socket: earliest sound, interruption, and what idle sockets cost.

python -m benchmarks.live                  # some minutes
python -m benchmarks.live --rounds 3       # rougher
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
from websockets.asyncio.client import ClientConnection, connect

from app.engine.preview import PREVIEW_CONFIG
from app.text.feed import ScriptFeed
from benchmarks.machine import describe_machine
from benchmarks.servers import Server, our_server

TOKENS_PER_SECOND = 30
FRAME_SECONDS = 0.08
TALKERS = 8
SOCKETS = 1000
REPLIES = (
    "Of course I can help you, and we begin with the first of the three letters. Then we go on.",
    "There are two ways to do this, one of which takes longer. I would take the other one.",
    "As far as I can see, nothing has changed since last week. Shall I look once more?",
    "The ferry leaves at seven in the morning, and it comes back long after dark. Take a coat.",
    "When the rain has stopped, we can walk down to the river. The path is rather steep.",
)
ONE_ROW = (
    "The ferry leaves the harbour at seven in the morning and comes back long after dark when most "
    "of the people who live along the river have gone to bed and the lamps are out"
)
"""This is spoken in one go, so that each talker has one row of the engine."""
_TOKEN = re.compile(r"\s?\w{1,6}|\s?[^\w\s]")


def tokens_of(text: str) -> list[str]:
    """Cut a text as the tokens of a language model may be."""
    return _TOKEN.findall(text)


@dataclass
class Talk:
    """Holds a socket of a talker, on which one reply follows the other."""

    socket: ClientConnection

    async def say(self, kind: str, **fields: object) -> None:
        await self.socket.send(json.dumps({"type": kind, **fields}))

    async def first_sound_seconds(self, text: str) -> float:
        """Stream a reply; return the time from the end of its first clause to its first sound."""
        await self.say("start", marks="none")
        heard = asyncio.create_task(self._first_sound())
        clause_seconds: float | None = None
        began = time.monotonic()
        for number, token in enumerate(tokens_of(text)):
            await asyncio.sleep(began + number / TOKENS_PER_SECOND - time.monotonic())
            await self.say("text", text=token)
            if clause_seconds is None and "," in token:
                clause_seconds = time.monotonic()
        await self.say("end")
        first_seconds = await heard
        assert clause_seconds is not None
        await self._until("done")
        return first_seconds - clause_seconds

    async def _first_sound(self) -> float:
        while not isinstance(await self.socket.recv(), bytes):
            pass
        return time.monotonic()

    async def _until(self, kind: str) -> None:
        while isinstance(frame := await self.socket.recv(), bytes) or (
            json.loads(frame)["type"] != kind
        ):
            pass

    async def begin_row(self) -> None:
        """Have a long sentence spoken, and wait for its first sound."""
        await self.say("start", marks="none")
        await self.say("text", text=ONE_ROW)
        await self.say("end")
        await self._first_sound()

    async def interrupted_seconds(self, rows: Callable[[], Awaitable[int]]) -> tuple[float, int]:
        """Cancel a reply in the middle; return how long its row was kept, and late sounds."""

        async def freed() -> float:
            deadline = time.monotonic() + 2
            while await rows() >= before and time.monotonic() < deadline:
                pass
            return time.monotonic()

        before = await rows()
        began = time.monotonic()
        await self.say("cancel")
        freeing = asyncio.create_task(freed())
        await self._until("cancelled")
        late = 0
        try:
            async with asyncio.timeout(0.5):
                while True:
                    late += isinstance(await self.socket.recv(), bytes)
        except TimeoutError:
            pass
        return await freeing - began, late


def figures(name: str, seconds: Sequence[float]) -> str:
    """Write the middle and the tail of some times."""
    tail = statistics.quantiles(seconds, n=100, method="inclusive")
    return (
        f"{name:42} p50 {1000 * statistics.median(seconds):6.0f} ms   "
        f"p95 {1000 * tail[94]:6.0f} ms   p99 {1000 * tail[98]:6.0f} ms   n {len(seconds)}"
    )


def opened(address: str) -> connect:
    """Open a socket, however long the server has no time for it: pings are no part of this."""
    return connect(address, max_size=None, open_timeout=60, ping_interval=None)


async def first_sounds(address: str, talkers: int, rounds: int) -> list[float]:
    """Let some talkers reply again and again at the same time."""

    async def talk(number: int) -> list[float]:
        async with opened(address) as socket:
            await asyncio.sleep(0.37 * number)
            replies = (REPLIES[(number + each) % len(REPLIES)] for each in range(rounds))
            return [await Talk(socket).first_sound_seconds(text) for text in replies]

    found = await asyncio.gather(*(talk(number) for number in range(talkers)))
    return [each for one in found for each in one]


async def interruptions(server: Server, address: str, rounds: int) -> tuple[list[float], int]:
    """Cancel one of eight talkers at a time, and see when the engine has a row less."""
    found, late = [], 0
    health = f"http://127.0.0.1:{server.port}/health"
    async with httpx.AsyncClient() as client:

        async def rows() -> int:
            answer = (await client.get(health)).json()
            return int(answer["engine"]["running_rows"])

        for _ in range(rounds):
            talks = [Talk(await opened(address)) for _ in range(TALKERS)]
            await asyncio.gather(*(talk.begin_row() for talk in talks))
            seconds, sounds = await talks[0].interrupted_seconds(rows)
            found.append(seconds)
            late += sounds
            for talk in talks:
                talk.socket.transport.abort()
            await asyncio.sleep(0.5)  # nothing of this round is left then
    return found, late


async def idle_sockets(server: Server, address: str) -> tuple[float, float]:
    """Open many sockets; return the megabytes they cost, and the share of a core."""
    await _settled(server)
    before_mb, without = server.memory_mb(), await _share(server)
    sockets = [await opened(address) for _ in range(SOCKETS)]
    await asyncio.sleep(2)
    share = await _share(server) - without
    taken_mb = server.memory_mb() - before_mb
    await asyncio.gather(*(socket.close() for socket in sockets))
    return taken_mb, share


async def _settled(server: Server) -> None:
    """Wait until what follows the start of a server is over: its memory grows no more then."""
    for _ in range(20):
        before_mb = server.memory_mb()
        await asyncio.sleep(5)
        if abs(server.memory_mb() - before_mb) < 1:
            return


async def _share(server: Server) -> float:
    """Return the share of a core that the server takes now."""
    cpu_seconds, began = server.cpu_seconds(), time.monotonic()
    await asyncio.sleep(10)
    return (server.cpu_seconds() - cpu_seconds) / (time.monotonic() - began)


def paced_tokens(text: str, rng: random.Random) -> Iterator[tuple[float, str]]:
    """Yield tokens with the milliseconds before each: now and then the writer has to think."""
    for token in tokens_of(text):
        thinks = rng.random() < 0.1
        yield 1000 / TOKENS_PER_SECOND + (rng.expovariate(1 / 300) if thinks else 0), token


def begun(text: str, wait_ms: float, rng: random.Random) -> tuple[float, str]:
    """Return after how many milliseconds a text is begun, and with what."""
    feed, now_ms = ScriptFeed(max_chars=10_000), 0.0
    for pause_ms, token in paced_tokens(text, rng):
        if pause_ms > wait_ms and feed.has_words:
            feed.release_opening(paused=True)
            if taken := feed.take():
                return now_ms + wait_ms, taken
        now_ms += pause_ms
        feed.add(token)
        if not (taken := feed.take()):
            feed.release_opening(paused=False)
            taken = feed.take()
        if taken:
            return now_ms, taken
    feed.finish()
    return now_ms, feed.take()


def trade_off() -> str:
    """Write what FIRST_TEXT_WAIT_MS does, for writers who pause now and then."""
    lines = ["| FIRST_TEXT_WAIT_MS | begun after, p50 | p95 | words | begun inside a clause |"]
    lines.append("|---|---|---|---|---|")
    for wait_ms in (50, 100, 250, 500, 1000, 10_000):
        rng = random.Random(0)
        found = [begun(text, wait_ms, rng) for text in REPLIES for _ in range(200)]
        times_ms = [each for each, _ in found]
        words = statistics.mean(len(passage.split()) for _, passage in found)
        cut = statistics.mean(passage.rstrip()[-1].isalnum() for _, passage in found)
        tail_ms = statistics.quantiles(times_ms, n=20)[18]
        lines.append(
            f"| {wait_ms} | {statistics.median(times_ms):.0f} ms | {tail_ms:.0f} ms "
            f"| {words:.1f} | {100 * cut:.0f} % |"
        )
    return "\n".join(lines)


async def measure(server: Server, rounds: int) -> None:
    """Print all figures of a running server."""
    address = f"ws://127.0.0.1:{server.port}/ws/tts"
    await first_sounds(address, 1, 2)  # the first ones are slower
    megabytes, share = await idle_sockets(server, address)
    print(f"{SOCKETS} idle sockets: {megabytes:.0f} MB, {100 * share:.1f} % of a core", flush=True)
    alone = await first_sounds(address, 1, 4 * rounds)
    print(figures("first sound, alone", alone), flush=True)
    together = await first_sounds(address, TALKERS, rounds)
    print(figures(f"first sound, {TALKERS} talkers", together), flush=True)
    seconds, late = await interruptions(server, address, 4 * rounds)
    print(figures(f"cancel until the row is free, {TALKERS} talkers", seconds))
    print(f"two frames are {2000 * FRAME_SECONDS:.0f} ms; sounds after a cancel: {late}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", type=Path, default=PREVIEW_CONFIG)
    arguments = parser.parse_args()
    print(f"{describe_machine()}\n\n{trade_off()}\n", flush=True)
    limits = {"MAX_CONNECTIONS": "2000", "MAX_CONNECTIONS_PER_ADDRESS": "2000"}
    # An empty MODEL_CONFIG is the preview voice.
    chosen = {"MODEL_CONFIG": ""} if arguments.model == PREVIEW_CONFIG else {}
    hub = {"HF_ENDPOINT": "http://127.0.0.1:9"} if chosen else {}
    with (
        tempfile.TemporaryDirectory() as folder,
        our_server(arguments.model, Path(folder), 8192, **limits, **chosen, **hub) as server,
    ):
        asyncio.run(measure(server, arguments.rounds))


if __name__ == "__main__":
    main()
