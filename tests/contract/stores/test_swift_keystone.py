"""A Swift store of a project that Keystone v3 knows."""

from typing import Any

import pytest
from pydantic import SecretStr
from stowage_contracts.testing.grant_client import HttpClient
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_stores.swift import SwiftProvider, SwiftSettings

from tests.contract.stores.swift_store import LINK_KEY, SEGMENT

pytestmark = pytest.mark.timeout(600)  # the first test of a clone installs Keystone


@pytest.fixture
def keystone_settings(keystone: dict[str, str]) -> dict[str, Any]:
    return {
        "auth_url": keystone["STOWAGE_TEST_KEYSTONE_URL"],
        "auth": "password",
        "user": keystone["STOWAGE_TEST_KEYSTONE_USER"],
        "key": SecretStr(keystone["STOWAGE_TEST_KEYSTONE_KEY"]),
        "project": "tests",
        "region": "north",
        "container": "of-keystone",
        "create": True,
        "temp_url_key": SecretStr(LINK_KEY),
        "segment_bytes": SEGMENT,
    }


async def test_keystone_opens_the_account_of_a_project(keystone_settings: dict[str, Any]) -> None:
    provider = SwiftProvider()
    driver = provider.open(SwiftSettings.model_validate(keystone_settings))
    await provider.lifecycle(driver).initialize()
    assert [check for check in (await driver.probe())[0] if not check.ok] == []
    hand = Hand(driver, HttpClient())
    data = bytes_of(SEGMENT + 1)
    await hand.put("k", data)
    assert await hand.get("k") == data
    await driver.delete("k")
    await driver.aclose()


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"region": "south"}, "endpoint"),
        ({"region": "west"}, "region"),
        ({"interface": "internal"}, "region"),
        ({"key": SecretStr("canary-wrong-password")}, "auth"),
        ({"project": "another"}, "auth"),
    ],
)
async def test_keystone_says_no_with_its_own_code(
    keystone_settings: dict[str, Any], other: dict[str, Any], code: str
) -> None:
    driver = SwiftProvider().open(SwiftSettings.model_validate(keystone_settings | other))
    checks, _ = await driver.probe()
    assert [(check.name, check.code) for check in checks] == [("auth", code)]
    assert "canary" not in repr(checks)
    await driver.aclose()
