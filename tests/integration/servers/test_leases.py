"""A shared server lives exactly as long as somebody uses it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.servers import leases

DEAD = "1-1"


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder apart from that of the other tests; user postgres must be able to enter."""
    parent = Path(tempfile.mkdtemp(prefix="stowage-"))
    parent.chmod(0o755)
    monkeypatch.setenv("STOWAGE_TEST_STATE", str(parent / "state"))
    yield parent / "state"
    for name in leases.names():
        leases.release(name, leases.PINNED)
    leases.leave_all()
    shutil.rmtree(parent)


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=5)
    except OSError:
        return False
    await connection.close()
    return True


async def test_the_second_user_gets_the_server_of_the_first(state: Path) -> None:
    first = leases.acquire("postgres", leases.PINNED)
    second = leases.acquire("postgres")
    assert first.url == second.url
    assert await _answers(first.url)


async def test_the_last_user_to_leave_ends_it_and_nothing_stays_behind(state: Path) -> None:
    server = leases.acquire("postgres")
    leases.acquire("postgres", leases.PINNED)
    assert leases.release("postgres") == [leases.PINNED]
    assert await _answers(server.url)
    url, processes = server.url, server.processes()
    assert leases.release("postgres", leases.PINNED) == []
    assert not await _answers(url)
    assert not any(process.alive() for process in processes)
    assert not state.exists()


def test_a_user_that_died_does_not_keep_a_server_alive(state: Path) -> None:
    server = leases.acquire("postgres", DEAD)
    leases.leave_all()
    assert not server.alive()


def test_a_server_that_died_is_replaced_for_the_next_user(state: Path) -> None:
    first = leases.acquire("postgres")
    first.kill()
    assert leases.acquire("postgres").alive()


def test_a_named_server_is_apart_from_the_shared_one(state: Path) -> None:
    shared, mine = leases.acquire("postgres"), leases.acquire("postgres.mine")
    assert shared.url != mine.url
    mine.kill()
    assert shared.alive()
