"""What every service that hosts stores relies on: settings checked, one driver per secret."""

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.plugins import DataStoreProvider
from stowage_contracts.values import Scope, StoreRole
from stowage_stores.directory import DirectoryProvider
from stowage_stores.hosting import Hosted, StoreRow
from stowage_stores.memory import MemoryProvider
from stowage_stores.s3 import S3Provider

S3 = {"endpoint": "https://h", "bucket": "b-1", "access_key": "AK"}


@pytest.fixture
def hosted() -> Hosted:
    providers: dict[str, DataStoreProvider] = {
        "a": DirectoryProvider(),
        "b": S3Provider(),
        "c": MemoryProvider(),
    }
    return Hosted(providers, lambda row: row.sealed.removeprefix("sealed:").encode())


def asked(provider: str, settings: dict[str, Any], **changes: Any) -> AddStore:
    return AddStore(
        store_id="s1",
        name="s1",
        provider=provider,
        role=StoreRole.IMAGE,
        scope=Scope.region(),
        settings=settings,
    ).model_copy(update=changes)


def test_secret_settings_are_kept_apart(hosted: Hosted) -> None:
    admitted = hosted.admit(asked("s3", S3), b'{"access_key": "AK", "secret_key": "canary"}')
    assert "canary" not in repr(admitted)
    assert admitted.settings["bucket"] == "b-1"
    assert json.loads(admitted.secrets) == {"access_key": "AK", "secret_key": "canary"}


@pytest.mark.parametrize(
    ("provider", "settings", "changes", "code"),
    [
        ("Nobody", {}, {}, "invalid.provider"),
        ("S3", S3, {}, "invalid.store_settings"),
        ("directory", {"root": "here"}, {}, "invalid.store_settings"),
        ("directory", {"root": "/here"}, {"role": StoreRole.PRIMARY}, "invalid.role"),
    ],
)
def test_what_cannot_be_is_refused_without_echoing_values(
    hosted: Hosted, provider: str, settings: dict[str, Any], changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        hosted.admit(asked(provider, settings, **changes), b'{"bucket": "/canary"}')
    assert refused.value.code == code
    assert "canary" not in str(refused.value.problem)


@pytest.mark.parametrize("secrets", [b"canary", b'["canary"]', b"\xff"])
def test_sealed_secrets_that_are_no_object_are_refused(hosted: Hosted, secrets: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        hosted.admit(asked("S3", S3), secrets)
    assert refused.value.code == "invalid.secret"
    assert "canary" not in str(refused.value.problem)


async def test_a_driver_is_kept_until_its_row_changes(hosted: Hosted, tmp_path: Path) -> None:
    row = StoreRow("s1", "directory", {"root": str(tmp_path)}, "")
    first = await hosted.driver(row)
    assert await hosted.driver(row) is first
    moved = StoreRow("s1", "directory", {"root": str(tmp_path / "x")}, "")
    assert (await hosted.driver(moved)).can.root == str(tmp_path / "x")
    await hosted.forget("s1")
    assert await hosted.driver(row) is not first


async def test_a_rotated_secret_opens_another_driver(hosted: Hosted) -> None:
    def row(secret: str) -> StoreRow:
        return StoreRow("s1", "S3", S3, "sealed:" + json.dumps({"secret_key": secret}))

    first = await hosted.driver(row("one"))
    assert await hosted.driver(row("one")) is first
    assert await hosted.driver(row("two")) is not first
    await hosted.close()


async def test_a_replaced_driver_stays_open_until_everything_is_closed(hosted: Hosted) -> None:
    closed: list[str] = []

    def row(secret: str) -> StoreRow:
        sealed = "sealed:" + json.dumps({"access_key": "AK", "secret_key": secret})
        return StoreRow("s1", "S3", S3, sealed)

    for secret in ("one", "two"):
        driver: Any = await hosted.driver(row(secret))
        driver.aclose = _closing(closed, secret)
    assert closed == []
    await hosted.close()
    assert sorted(closed) == ["one", "two"]


def _closing(closed: list[str], secret: str) -> Callable[[], Awaitable[None]]:
    async def aclose() -> None:
        closed.append(secret)

    return aclose


async def test_a_trial_leaves_the_stores_own_driver_alone(hosted: Hosted, tmp_path: Path) -> None:
    row = StoreRow("s1", "directory", {"root": str(tmp_path)}, "")
    own = await hosted.driver(row)
    other = StoreRow("s1", "directory", {"root": str(tmp_path / "x")}, "")
    async with hosted.trial(other) as tried:
        assert tried.can.root == str(tmp_path / "x")
    assert await hosted.driver(row) is own


def test_a_change_names_only_what_is_new(hosted: Hosted) -> None:
    row = StoreRow("s1", "S3", S3, 'sealed:{"access_key": "AK", "secret_key": "old"}')
    admitted = hosted.admit_change(row, {"page": 7}, b'{"secret_key": "new"}')
    assert (admitted.settings["page"], admitted.settings["bucket"]) == (7, "b-1")
    assert json.loads(admitted.secrets) == {"access_key": "AK", "secret_key": "new"}
    with pytest.raises(InvalidInput):
        hosted.admit_change(row, {"shoe": "size"}, b"")


def test_every_provider_is_offered_with_its_form(hosted: Hosted) -> None:
    offered = {view.id: view for view in hosted.offered()}
    assert list(offered) == ["directory", "memory", "s3"]
    assert offered["s3"].settings["properties"]["secret_key"]["writeOnly"]
    assert set(offered["s3"].settings["required"]) >= {"endpoint", "bucket", "secret_key"}
