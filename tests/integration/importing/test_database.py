"""A database is read in one moment and never written, and what is wrong with it is told."""

from __future__ import annotations

import pytest
from stowage_client.importing.database import Database
from stowage_client.importing.dsn import Dsn
from stowage_client.importing.source import NOUNS, Rules
from stowage_client.importing.survey import Survey
from stowage_contracts.errors import InvalidInput, NotAuthorized, StowageError, Unavailable

from tests.integration.importing.clouds import MODERN_EMPTY, PASSWORD, Cloud
from tests.integration.importing.conftest import Read

_INSERT = (
    "INSERT INTO vm_template (id, unique_name, name, uuid, format, created, account_id, state)"
    " SELECT seq, 'u', CONCAT('t', seq), UUID(), 'QCOW2', '2019-02-03 04:05:06', 3, 'Active'"
    " FROM seq_1_to_1200"
)


def test_reading_leaves_every_table_as_it_was(modern: Cloud, read: Read) -> None:
    before = modern.checksums()
    Survey(read(modern)).report()
    assert modern.checksums() == before


def test_nothing_can_be_written_even_by_who_may(modern: Cloud) -> None:
    root = Dsn.parse(modern.dsn.replace("stowage_reader", "root"))
    with Database(root, 30) as database, pytest.raises(StowageError, match="READ ONLY"):
        database.rows("UPDATE vm_template SET name = 'x'")


def test_what_is_written_meanwhile_is_not_seen(empty: Cloud, read: Read) -> None:
    empty.fill(*MODERN_EMPTY)
    source = read(empty)
    empty.does(_INSERT)
    assert [page for noun in NOUNS for page in source.choices(noun)] == []


def test_pages_hold_every_object_once(empty: Cloud, read: Read) -> None:
    empty.fill(*MODERN_EMPTY)
    empty.does(_INSERT)
    pages = list(read(empty, rules=Rules()).choices("template"))
    ids = [choice.thing.id for page in pages for choice in page]
    assert (len(pages), len(ids), len(set(ids))) == (3, 1200, 1200)


def test_times_are_of_utc(modern: Cloud, read: Read) -> None:
    (row,) = read(modern).database.rows("SELECT created FROM vm_template WHERE id = 201")
    assert row["created"].isoformat() == "2019-02-03T04:05:06+00:00"


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ("('4.19.0', NOW(), 'Complete'), ('4.20.0', NOW(), 'Upgrade')", "invalid.upgrading"),
        ("('2.2.14', NOW(), 'Complete')", "invalid.schema"),
        ("('', NOW(), 'Complete')", "invalid.schema"),
    ],
)
def test_a_release_that_cannot_be_read_is_refused(
    empty: Cloud, read: Read, rows: str, code: str
) -> None:
    empty.fill("shared")
    empty.does(f"INSERT INTO version (version, updated, step) VALUES {rows}")
    with pytest.raises(InvalidInput) as refused:
        read(empty)
    assert refused.value.code == code


def test_any_other_database_is_refused(empty: Cloud, read: Read) -> None:
    empty.does("CREATE TABLE shoes (id int)")
    with pytest.raises(InvalidInput, match="no CloudStack"):
        read(empty)


def test_wishes_about_unknown_stores_are_refused(modern: Cloud, read: Read) -> None:
    with pytest.raises(InvalidInput, match="'nobody'"):
        read(modern, leave_out=frozenset({"nobody"}))


def test_a_wrong_password_is_told_without_it(modern: Cloud) -> None:
    with pytest.raises(NotAuthorized) as refused:
        Database(Dsn.parse(modern.dsn, "canary-of-a-wrong-one"), 30)
    assert "canary" not in str(refused.value.problem)


def test_a_server_that_is_away_is_told(modern: Cloud) -> None:
    with pytest.raises(Unavailable):
        Database(Dsn.parse("mysql://reader@127.0.0.1:1/cloud", PASSWORD), 30)


def test_a_question_that_takes_too_long_is_ended(modern: Cloud) -> None:
    with Database(Dsn.parse(modern.dsn, PASSWORD), 1) as database, pytest.raises(Unavailable):
        database.rows("SELECT SLEEP(10)")
