"""Migrations: applied once however many start at once, never edited, never half done."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from stowage_contracts.errors import Conflict, InvalidInput
from stowage_runtime.database import Database

Package = Callable[..., str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Makes, or changes, an importable package with those migrations."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, **files: str) -> str:
        folder = tmp_path / name / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "__init__.py").touch()
        for file, text in files.items():
            (folder / f"{file.removeprefix('m')}.sql").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return make


async def migrated(url: str, package: str, schema: str = "one") -> list[str]:
    database = await Database.open(url, schema, package)
    try:
        return await database.migrate()
    finally:
        await database.close()


async def test_missing_ones_are_applied_in_order_of_their_numbers(
    database_url: str, package: Package
) -> None:
    name = package("ordered", m0002_more="ALTER TABLE a ADD y int", m0001_first="CREATE TABLE a ()")

    assert await migrated(database_url, name) == [
        "stowage_runtime/0001_runtime",
        "stowage_runtime/0002_event_numbers",
        "ordered/0001_first",
        "ordered/0002_more",
    ]
    package("ordered", m0003_last="DROP TABLE a")
    assert await migrated(database_url, name) == ["ordered/0003_last"]
    assert await migrated(database_url, name) == []


async def test_five_at_once_apply_each_once(database_url: str, package: Package) -> None:
    name = package("five", m0001_first="CREATE TABLE a ()", m0002_more="CREATE TABLE b ()")

    applied = await asyncio.gather(*(migrated(database_url, name) for _ in range(5)))

    assert sorted(len(names) for names in applied) == [0, 0, 0, 0, 4]


async def test_an_edited_file_is_refused_and_named(database_url: str, package: Package) -> None:
    name = package("edited", m0001_first="CREATE TABLE a ()")
    await migrated(database_url, name)
    package("edited", m0001_first="CREATE TABLE a (x int)")

    with pytest.raises(Conflict) as caught:
        await migrated(database_url, name)

    assert caught.value.code == "conflict.migration_edited"
    assert caught.value.resource == "edited/0001_first"


async def test_other_line_ends_are_no_edit(database_url: str, package: Package) -> None:
    name = package("lines", m0001_first="CREATE TABLE a (\n)\n")
    await migrated(database_url, name)
    package("lines", m0001_first="CREATE TABLE a (\r\n)\r\n")

    assert await migrated(database_url, name) == []


async def test_one_that_fails_leaves_nothing_of_itself(database_url: str, package: Package) -> None:
    name = package("broken", m0001_first="CREATE TABLE a (); CREATE TABLE a ()")

    with pytest.raises(asyncpg.DuplicateTableError):
        await migrated(database_url, name)

    package("broken", m0001_first="CREATE TABLE a ()")
    assert await migrated(database_url, name) == ["broken/0001_first"]


async def test_services_in_one_database_do_not_meet(database_url: str, package: Package) -> None:
    name = package("shared", m0001_first="CREATE TABLE a ()")

    first, second = await asyncio.gather(
        migrated(database_url, name, "one"), migrated(database_url, name, "two")
    )

    assert first == second != []


async def test_the_check_tells_what_is_missing(database_url: str, package: Package) -> None:
    database = await Database.open(database_url, "one", package("check", m0001_a="SELECT 1"))

    with pytest.raises(Conflict, match="lacks 3 migrations") as caught:
        await database.check()
    assert caught.value.code == "conflict.not_migrated"

    await database.migrate()
    await database.check()
    await database.close()


async def test_a_newer_schema_is_good_enough_for_an_older_program(
    database_url: str, package: Package, tmp_path: Path
) -> None:
    name = package("newer", m0001_a="SELECT 1", m0002_b="SELECT 2")
    await migrated(database_url, name)
    (tmp_path / "newer" / "migrations" / "0002_b.sql").unlink()

    assert await migrated(database_url, name) == []


@pytest.mark.parametrize("schema", ["Robert'); DROP", "", "a-b", 'x"'])
async def test_a_schema_that_is_no_name_is_refused(database_url: str, schema: str) -> None:
    with pytest.raises(InvalidInput):
        await Database.open(database_url, schema, "tests.unit.runtime.toy")


async def test_what_is_no_postgresql_url_is_refused_without_repeating_it() -> None:
    with pytest.raises(InvalidInput) as caught:
        await Database.open("mysql://u:canary@h/d", "one", "tests.unit.runtime.toy")

    assert "canary" not in caught.value.problem.model_dump_json()
