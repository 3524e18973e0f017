"""The table of what each provider can do says what the drivers declare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from stowage_contracts.plugins.data_store_provider import DataStoreProvider
from stowage_contracts.plugins.image_store_driver import DriverAbilities

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "image-stores.md").read_text()
SECRET = "x" * 16
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "S3": {"bucket": "images", "access_key": SECRET, "secret_key": SECRET},
    "Swift": {"user": "a:u", "container": "c", "key": SECRET, "temp_url_key": SECRET},
    "NFS": {"url": "nfs://filer.example/export"},
    "directory": {"root": "/srv/images"},
    "memory": {},
}
"""Enough to open a store of each built-in provider; where it is comes with a scheme."""
ADDRESSES = {"S3": "endpoint", "Swift": "auth_url"}
FLAGS = [name for name, field in DriverAbilities.model_fields.items() if field.annotation is bool]


def providers() -> dict[str, DataStoreProvider]:
    """The built-in ones, by name."""
    found = entry_points(group="stowage.data_store_provider")
    mine = [entry for entry in found if entry.value.startswith("stowage_stores.")]
    return {made.name: made for made in (entry.load()() for entry in mine)}


def abilities(name: str, scheme: str = "http") -> DriverAbilities:
    """What the driver of a store of that provider declares."""
    address = {ADDRESSES[name]: f"{scheme}://store.example"} if name in ADDRESSES else {}
    provider = providers()[name]
    driver = provider.open(provider.settings.model_validate({**SETTINGS[name], **address}))
    return driver.can


def table() -> dict[str, dict[str, str]]:
    """Each provider's column: its cells by their row."""
    found = re.search(r"^\| ability \|.*?(?=\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    assert found
    head, _, *rows = [line.strip("| ").split(" | ") for line in found[0].splitlines()]
    cells = {row[0].strip("`"): dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    return {name: {row: told[name] for row, told in cells.items()} for name in head[1:]}


def test_the_table_has_every_provider_and_every_ability() -> None:
    assert set(table()) == set(providers()) == set(SETTINGS)
    for column in table().values():
        assert set(column) == {"schemes", *FLAGS, "largest object"}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_column_is_what_the_driver_declares(name: str) -> None:
    told, can = table()[name], abilities(name)
    assert {flag: told[flag] == "yes" for flag in FLAGS} == {
        flag: getattr(can, flag) for flag in FLAGS
    }
    schemes = {scheme for tls in ("http", "https") for scheme in abilities(name, tls).schemes}
    assert told["schemes"] == ", ".join(sorted(schemes))


@pytest.mark.parametrize("name", ["S3", "Swift", "NFS", "directory"])
def test_the_largest_object_is_what_the_driver_takes(name: str) -> None:
    most = abilities(name).max_object_bytes
    assert table()[name]["largest object"] == (f"{most >> 40} TiB" if most else "any")
