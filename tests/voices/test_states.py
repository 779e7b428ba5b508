"""The cache of voice states."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.voices.states import VoiceStates


@dataclass(frozen=True)
class State:
    nbytes: int


class Making:
    """Makes states, counts them, and can be held up."""

    def __init__(self, *, nbytes: int = 1, held: bool = False) -> None:
        self.nbytes = nbytes
        self.count = 0
        self.cancelled = 0
        self.let_go = asyncio.Event()
        if not held:
            self.let_go.set()

    async def __call__(self) -> State:
        self.count += 1
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return State(self.nbytes)


async def test_made_once() -> None:
    """A state is made once and then kept."""
    states: VoiceStates[State] = VoiceStates(10)
    making = Making()
    assert await states.get("a", making) is await states.get("a", making)
    assert making.count == 1


async def test_single_flight() -> None:
    """Callers that ask for the same state at once share one making."""
    states: VoiceStates[State] = VoiceStates(10)
    making = Making(held=True)
    callers = [asyncio.create_task(states.get("a", making)) for _ in range(5)]
    await asyncio.sleep(0.02)
    making.let_go.set()
    first, *others = await asyncio.gather(*callers)
    assert all(each is first for each in others)
    assert making.count == 1


async def test_nobody_waits_for_another_voice() -> None:
    """A voice that takes long to make holds up nobody who wants another one."""
    states: VoiceStates[State] = VoiceStates(10)
    slow = Making(held=True)
    waiting = asyncio.create_task(states.get("slow", slow))
    await asyncio.sleep(0)
    assert (await asyncio.wait_for(states.get("quick", Making()), 5)).nbytes == 1
    assert not waiting.done()
    waiting.cancel()


async def test_errors_reach_everybody_and_are_not_kept() -> None:
    """An error of the making reaches all who wait, and the next caller tries anew."""
    states: VoiceStates[State] = VoiceStates(10)

    async def fail() -> State:
        raise LookupError("not there")

    results = await asyncio.gather(
        *(states.get("a", fail) for _ in range(3)), return_exceptions=True
    )
    assert [type(each) for each in results] == [LookupError] * 3
    assert (await states.get("a", Making())).nbytes == 1


async def test_cancelled_caller() -> None:
    """A caller that leaves spoils nothing for those who wait for the same state."""
    states: VoiceStates[State] = VoiceStates(10)
    making = Making(held=True)
    leaving = asyncio.create_task(states.get("a", making))
    staying = asyncio.create_task(states.get("a", making))
    await asyncio.sleep(0.02)
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    making.let_go.set()
    assert (await staying).nbytes == 1
    assert making.count == 1


async def test_all_callers_leave() -> None:
    """Once the last caller has left, the making is cancelled; who comes then begins another."""
    states: VoiceStates[State] = VoiceStates(10)
    making = Making(held=True)
    leaving = [asyncio.create_task(states.get("a", making)) for _ in range(3)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for caller in leaving[:2]:
        caller.cancel()
    await asyncio.sleep(0)
    assert making.cancelled == 0
    leaving[2].cancel()
    coming = asyncio.create_task(states.get("a", making))
    await asyncio.sleep(0.01)
    assert (making.count, making.cancelled) == (2, 1)
    making.let_go.set()
    assert (await coming).nbytes == 1


async def test_the_oldest_leaves_first() -> None:
    """Over the limit, the state that was not used for longest leaves."""
    states: VoiceStates[State] = VoiceStates(3)
    making = Making()
    for key in "abc":
        await states.get(key, making)
    await states.get("a", making)
    await states.get("d", making)
    assert making.count == 4
    await states.get("a", making)
    assert making.count == 4
    await states.get("b", making)
    assert making.count == 5


async def test_a_state_over_the_limit() -> None:
    """One state that alone exceeds the limit can still be used, and takes the place of all."""
    states: VoiceStates[State] = VoiceStates(3)
    await states.get("a", Making())
    assert (await states.get("b", Making(nbytes=5))).nbytes == 5
    assert len(states) == 1
    await states.get("c", Making())
    assert (len(states), states.nbytes) == (1, 1)


@given(uses=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), max_size=30))
@hypothesis_settings(max_examples=25, deadline=None)
def test_bounded_in_bytes(uses: list[tuple[int, int]]) -> None:
    """Whatever is asked for, the bytes are counted truly and stay within the limit."""

    async def use_all() -> None:
        states: VoiceStates[State] = VoiceStates(8)
        for key, nbytes in uses:
            await states.get(key, Making(nbytes=nbytes))
            assert states.nbytes <= 8
            assert len(states) <= states.nbytes <= 4 * len(states)

    asyncio.run(use_all())
