"""Ways to set a Swift store up, rightly and wrongly, and what its probe says of them."""

from typing import Any

import pytest
from pydantic import SecretStr
from stowage_contracts.errors import Conflict, GrantRefused, Unavailable
from stowage_contracts.testing.store_hand import bytes_of
from stowage_stores.swift import SwiftProvider

from tests.contract.stores.swift_store import LINK_KEY, opened, own, remains, swift_settings
from tests.servers.ports import free_ports
from tests.servers.swift_server import Account, SwiftServer, fresh_container


async def forget_keys(account: Account) -> None:
    """No link of the account is good any more."""
    for slot in ("Key", "Key-2"):
        await account.call("POST", headers={f"X-Remove-Account-Meta-Temp-Url-{slot}": "x"})


async def failed(server: SwiftServer, container: str, **other: Any) -> list[tuple[str, str]]:
    async with opened(server, container, **other) as hand:
        checks, _ = await hand.driver.probe()
    assert server.key not in repr(checks)
    assert LINK_KEY not in repr(checks)
    return [(check.name, check.code) for check in checks if not check.ok]


async def test_a_good_store_passes_and_keeps_nothing_of_the_probe(
    swift_server: SwiftServer, swift_container: str
) -> None:
    assert await failed(swift_server, swift_container) == []
    assert await remains(swift_server, swift_container) == {swift_container: 0}


async def test_each_wrong_setting_fails_with_its_own_code(
    swift_server: SwiftServer, swift_container: str
) -> None:
    (closed,) = free_ports(1)
    wrong: dict[tuple[str, str], dict[str, Any]] = {
        ("auth", "endpoint"): {"auth_url": f"http://127.0.0.1:{closed}/auth/v1.0"},
        ("auth", "tls"): {"auth_url": swift_server.auth_url.replace("http:", "https:")},
        ("auth", "auth"): {"key": SecretStr("canary-wrong-key")},
        ("auth", "auth_url"): {"auth_url": swift_server.auth_url.replace("/auth", "/nothing/v1")},
        ("container", "container"): {"container": f"{swift_container}-none"},
        ("temp_url_key", "temp_url_key"): {"temp_url_key": SecretStr("a third one")},
    }
    async with swift_server.account() as account, opened(swift_server, swift_container) as hand:
        await own(hand).links.leave_key()
        slots = {"X-Account-Meta-Temp-Url-Key": LINK_KEY, "X-Account-Meta-Temp-Url-Key-2": "taken"}
        await account.call("POST", headers=slots)
        for code, other in wrong.items():
            container = other.pop("container", swift_container)
            assert await failed(swift_server, container, **other) == [code]
        await account.call("POST", headers={"X-Remove-Account-Meta-Temp-Url-Key-2": "x"})
    assert await remains(swift_server, swift_container) == {swift_container: 0}


async def test_a_container_is_made_where_asked_for(
    swift_server: SwiftServer, swift_container: str
) -> None:
    provider, name = SwiftProvider(), f"{swift_container}-made"
    driver = provider.open(swift_settings(swift_server, name, create=True))
    with pytest.raises(Unavailable) as caught:
        [found async for found in driver.list()]
    assert caught.value.code == "unavailable.container"
    await provider.lifecycle(driver).initialize()
    assert [check for check in (await driver.probe())[0] if not check.ok] == []
    await driver.aclose()


async def test_a_quota_is_the_capacity_and_is_kept(
    swift_server: SwiftServer, swift_container: str
) -> None:
    """An account of its own: quotas are set by resellers."""
    reseller = SwiftServer(swift_server.auth_url, "tests:reseller", swift_server.key)
    quotas = SwiftServer(swift_server.auth_url, "quotas:owner", swift_server.key)
    async with quotas.account() as account:
        await forget_keys(account)
        await account.call("PUT", swift_container)
        url = account.url
    async with reseller.account() as account:
        told = {"X-Auth-Token": account.token, "X-Account-Meta-Quota-Bytes": "20000"}
        async with account.session.post(url, headers=told) as answer:
            assert answer.status == 204
    async with opened(quotas, swift_container) as hand:
        checks, room = await hand.driver.probe()
        assert [check for check in checks if not check.ok] == []
        assert room.total_bytes == 20_000
        assert room.used_bytes is not None
        grant = await hand.begin("k", 30_000)
        with pytest.raises(GrantRefused):
            await hand.fill(grant, bytes_of(30_000))
        await hand.revoke("k", grant)
    async with quotas.account() as account:
        await account.wipe(swift_container)


async def test_the_key_of_links_may_change_any_number_of_times(swift_server: SwiftServer) -> None:
    """In an account of its own: other tests sign by its two keys."""
    account_of = SwiftServer(swift_server.auth_url, "quotas:owner", swift_server.key)
    async with fresh_container(account_of) as container, account_of.account() as account:
        await forget_keys(account)
        await account.call("POST", headers={"X-Account-Meta-Temp-Url-Key": "somebody else's"})
        for number in range(3):
            key = SecretStr(f"link-key-{number}")
            async with opened(account_of, container, temp_url_key=key) as hand:
                await hand.put(f"k{number}", b"data", f"hop-{number}.1")
                assert await hand.get(f"k{number}") == b"data"
        async with opened(account_of, container, prefix="other") as hand:
            with pytest.raises(Conflict):
                await own(hand).links.leave_key()
