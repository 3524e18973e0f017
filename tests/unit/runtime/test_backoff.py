"""Back-off grows, is capped and is spread."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from stowage_runtime.backoff import Backoff, delay, wait


@given(st.integers(1, 10_000), st.floats(0.01, 10), st.floats(0.01, 100))
def test_a_delay_is_between_half_and_all_of_its_step(
    attempt: int, first: float, cap: float
) -> None:
    whole = min(cap, first * 2.0 ** min(attempt - 1, 30))

    assert whole / 2 <= delay(attempt, first, cap) <= whole


def test_failures_in_a_row_wait_longer_until_one_succeeds() -> None:
    backoff = Backoff(first=1, cap=100)
    waits = [backoff.next() for _ in range(5)]
    backoff.reset()

    assert waits[4] > waits[2] > waits[0]
    assert backoff.next() <= 1


async def test_waiting_ends_when_the_event_is_set() -> None:
    event = asyncio.Event()
    asyncio.get_running_loop().call_soon(event.set)

    assert await wait(event, 60)
    assert await wait(event, 0)


async def test_waiting_ends_when_the_time_is_up() -> None:
    assert not await wait(asyncio.Event(), 0)
