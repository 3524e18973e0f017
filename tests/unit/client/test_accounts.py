"""stowage account, user and domain against a real gateway."""

import json
from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.messages.image_store import SetAccountLimit
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.client.conftest import Command


async def told(stowage: Command, line: str) -> Any:
    ended = await stowage(*line.split(), "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out)


async def test_accounts_are_made_in_domains_and_ended(stowage: Command) -> None:
    assert (await told(stowage, "domain add sales --id sales"))["path"] == "ROOT/sales"
    made = await told(stowage, "account add ada --domain sales --role domain_admin")
    account = made["account_id"]
    shown = await told(stowage, f"account show {account}")
    assert (shown["role"], shown["domain_path"]) == ("domain_admin", "ROOT/sales")
    assert (await stowage("domain", "remove", "sales")).code == 1
    assert (await told(stowage, f"account lock {account}"))["state"] == "locked"
    assert (await told(stowage, f"account disable {account}"))["state"] == "disabled"
    assert (await told(stowage, f"account enable {account}"))["state"] == "enabled"
    assert account in (await stowage("account", "list")).out
    assert (await stowage("account", "remove", account)).code == 0
    assert (await stowage("domain", "remove", "sales")).code == 0
    assert [row["name"] for row in await told(stowage, "domain list")] == ["ROOT"]


async def test_users_come_with_passwords_and_keys(
    stowage: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = (await told(stowage, "account add ada"))["account_id"]
    monkeypatch.setenv("WORD", "correct horse")
    bob = await told(stowage, f"user add {account} bob --password env:WORD")
    assert bob["has_password"] is True
    assert (await stowage("user", "add", account, "eve", "--password", "plain")).code == 1
    keys = await told(stowage, f"user keys {bob['id']}")
    assert keys["account_id"] == account
    assert "correct horse" not in (await stowage("user", "list", account)).out
    assert (await told(stowage, f"user remove {bob['id']}"))["name"] == "bob"


async def test_limits_named_are_changed_and_others_stay(
    stowage: Command, bench: ServiceBench[Deps]
) -> None:
    account = (await told(stowage, "account add ada"))["account_id"]
    await told(stowage, f"account limits {account} --templates 3 --storage 2")
    limits = await told(stowage, f"account limits {account} --volumes 4 --templates -1")
    assert limits == {
        "templates": None,
        "volumes": 4,
        "snapshots": None,
        "secondary_storage_gib": 2,
    }
    said = await bench.said(SetAccountLimit)
    assert said == [SetAccountLimit(account_id=account, max_bytes=2 << 30)]
    assert (await told(stowage, "domain limits root --volumes 9"))["volumes"] == 9
