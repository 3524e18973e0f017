"""Lists are counted exactly while they are short, and now and then when they are long."""

import asyncio
from typing import Any

import pytest
from api_gateway.cloudstack import counting
from api_gateway.cloudstack.counting import EXACT, Counts


class Rows:
    """A table that notes how it is counted."""

    def __init__(self, rows: int) -> None:
        self.rows, self.asked = rows, list[int | None]()

    async def value(self, query: str, *args: Any) -> int:
        self.asked.append(args[-1])
        await asyncio.sleep(0)
        return self.rows if args[-1] is None else min(self.rows, args[-1])


async def test_a_short_list_is_counted_each_time() -> None:
    rows, counts = Rows(EXACT), Counts()
    for wanted in (EXACT, 7, 8):
        rows.rows = wanted
        assert await counts.count("q", ("a",), rows) == wanted  # type: ignore[arg-type]
    assert rows.asked == [EXACT + 1] * 3


async def test_a_long_list_is_counted_once_for_all_who_ask() -> None:
    rows, counts = Rows(EXACT * 3), Counts()
    asking = (counts.count("q", ("a",), rows) for _ in range(5))  # type: ignore[arg-type]
    assert await asyncio.gather(*asking) == [EXACT * 3] * 5
    assert rows.asked.count(None) == 1
    assert await counts.count("q", ("a",), rows) == EXACT * 3  # type: ignore[arg-type]
    assert await counts.count("q", ("b",), rows) == EXACT * 3  # type: ignore[arg-type]
    assert rows.asked.count(None) == 2


async def test_an_old_count_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, counts = Rows(EXACT * 3), Counts()
    await counts.count("q", (), rows)  # type: ignore[arg-type]
    monkeypatch.setattr(counting, "SECONDS", 0.0)
    rows.rows = 5
    assert await counts.count("q", (), rows) == 5  # type: ignore[arg-type]
