"""A probe says what is wrong with a server that answers."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from stowage_stores.swift import SwiftDriver

from tests.unit.stores.fake_swift import FakeSwift, connected


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_off_is_told(hours: int) -> None:
    there = format_datetime(datetime.now(UTC) + timedelta(hours=hours), usegmt=True)
    async with connected(FakeSwift(headers={"Date": there})) as connection:
        checks, _ = await SwiftDriver(connection).probe()
    assert [(check.name, check.ok, check.code) for check in checks] == [
        ("auth", True, ""),
        ("container", False, "clock_skew"),
    ]


async def test_rights_that_lack_are_told() -> None:
    async with connected(FakeSwift(answers=[403])) as connection:
        checks, _ = await SwiftDriver(connection).probe()
    assert [(check.name, check.code) for check in checks] == [("auth", "denied")]
