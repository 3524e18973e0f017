"""Named queries are found by name, and only once."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from stowage_contracts.errors import Conflict
from stowage_runtime.database import queries

Package = Callable[[str, str], str]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    """Makes an importable package with that ``queries.sql``."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, text: str) -> str:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "queries.sql").write_text(text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return make


def test_each_name_introduces_a_statement_and_its_comments(package: Package) -> None:
    text = "-- About all.\n-- name: one\nSELECT 1;\n\n-- name: two\n-- Says why.\nSELECT 2\n"

    assert queries.load(package("sql_one", text)) == {
        "one": "SELECT 1",
        "two": "-- Says why.\nSELECT 2",
    }


def test_two_queries_of_one_name_are_refused(package: Package) -> None:
    name = package("sql_twice", "-- name: one\nSELECT 1\n-- name: one\nSELECT 2\n")

    with pytest.raises(Conflict, match="'one'"):
        queries.load(name)


def test_the_queries_of_several_files_are_one_set(package: Package, tmp_path: Path) -> None:
    name = package("sql_many", "-- name: one\nSELECT 1\n")
    (tmp_path / name / "queries_more.sql").write_text("-- name: two\nSELECT 2\n")
    (tmp_path / name / "other.sql").write_text("-- name: three\nSELECT 3\n")

    assert queries.load(name) == {"one": "SELECT 1", "two": "SELECT 2"}


def test_a_package_without_queries_has_none() -> None:
    assert queries.load("tests.servers") == {}


def test_an_unknown_name_is_a_lookup_error() -> None:
    with pytest.raises(LookupError, match="'zones'"):
        queries.named({}, "zones")
