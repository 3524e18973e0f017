"""Containers are made with the storage policy that the settings name."""

import pytest
from stowage_contracts.errors import StowageError
from stowage_contracts.plugins.image_store_driver import WriteAsk

from tests.contract.stores.swift_store import opened
from tests.servers.swift_server import SwiftServer


async def test_a_policy_nobody_has_is_refused_before_a_byte_is_written(
    swift_server: SwiftServer, swift_container: str
) -> None:
    async with opened(swift_server, swift_container, policy="nobody-has-it") as hand:
        with pytest.raises(StowageError):
            await hand.driver.grant(WriteAsk(key="a/b", writer="w", size=4, seconds=60))
    async with opened(swift_server, swift_container) as hand:
        checks, _ = await hand.driver.probe()
        assert all(check.ok for check in checks), checks


async def test_a_probe_tells_that_there_is_no_such_policy(
    swift_server: SwiftServer, swift_container: str
) -> None:
    async with opened(swift_server, swift_container, policy="nobody-has-it") as hand:
        checks, _ = await hand.driver.probe()
    assert not all(check.ok for check in checks)
