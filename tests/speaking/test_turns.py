"""Places are given to callers in turn, and none is lost."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from app.speaking.turns import Turns


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["go", "give up"])), max_size=12),
)
def test_who_leaves_while_waiting_takes_no_place(
    places: int, comers: list[tuple[str, str]]
) -> None:
    async def run() -> None:
        turns = Turns(places)
        free = asyncio.Event()
        inside = 0

        async def one(caller: str) -> None:
            nonlocal inside
            async with turns.place(caller):
                inside += 1
                assert inside <= places
                await free.wait()
                inside -= 1

        tasks = [asyncio.create_task(one(caller)) for caller, _ in comers]
        await asyncio.sleep(0)
        for task, (_, does) in zip(tasks, comers, strict=True):
            if does == "give up" and not task.done():
                task.cancel()
        free.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(1):
            for _ in range(places):
                await turns.place("d").__aenter__()

    asyncio.run(run())


async def test_many_of_one_do_not_hold_up_anothers_first() -> None:
    turns, order = Turns(1), []

    async def one(caller: str) -> None:
        async with turns.place(caller):
            order.append(caller)
            await asyncio.sleep(0)

    await asyncio.gather(*(one(caller) for caller in "aaaaab"))
    assert order == list("aabaaa")
