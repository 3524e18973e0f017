"""Copies, notes and unfinished writes of a directory: what the shared suite can't see."""

import asyncio
import errno
import fcntl
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins.image_store_driver import CopyAsk, OpenWrite, RevokeAsk
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_stores.directory import DirectoryDriver, copies


@pytest.fixture
def driver(tmp_path: Path) -> DirectoryDriver:
    return DirectoryDriver(str(tmp_path))


@pytest.fixture
def hand(driver: DirectoryDriver) -> Hand:
    return Hand(driver, FileClient())


def ask(source: str = "from", writer: str = "copy-1.1") -> CopyAsk:
    return CopyAsk(source=source, key="a/to", writer=writer)


def own_files(root: Path) -> list[str]:
    return sorted(path.name for path in (root / ".stowage").iterdir())


async def writes(driver: DirectoryDriver) -> list[OpenWrite]:
    return [found async for found in driver.writes()]


@pytest.fixture(params=["kernel", "by_hand"])
def without_clone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that can't share blocks, nor (by hand) copy them itself."""

    def refuse(*_: Any) -> Any:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    if request.param == "by_hand":
        monkeypatch.setattr(os, "copy_file_range", refuse)


@pytest.mark.usefixtures("without_clone")
async def test_bytes_are_copied_and_holes_stay_holes(
    driver: DirectoryDriver, hand: Hand, tmp_path: Path
) -> None:
    size = 3 * copies.STEP + 5
    grant = await hand.begin("from", size)
    part = tmp_path / ".stowage" / "hop-1.1.part"
    os.truncate(part, size)
    with part.open("r+b") as file:
        for at in (0, copies.STEP + 4096, size - 1000):
            file.seek(at)
            file.write(bytes_of(1000, at))
    await hand.commit("from", grant, bytes(size))
    assert (await driver.copy(ask())).size == size
    assert (tmp_path / "a/to").read_bytes() == (tmp_path / "from").read_bytes()
    assert (tmp_path / "a/to").stat().st_blocks * 512 < 1 << 20
    assert own_files(tmp_path) == ["copy-1.1.done", "hop-1.1.done"]


async def test_a_copy_that_fails_leaves_nothing(
    driver: DirectoryDriver, hand: Hand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hand.put("from", bytes_of(1000))

    def fail(*_: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fcntl, "ioctl", fail)
    with pytest.raises(Exception, match="No space"):
        await driver.copy(ask())
    assert own_files(tmp_path) == ["hop-1.1.done"]
    assert await hand.keys() == ["from"]


async def test_the_same_copy_twice_at_once_is_one(driver: DirectoryDriver, hand: Hand) -> None:
    await hand.put("from", bytes_of(1000))
    one, two, three = await asyncio.gather(*(driver.copy(ask()) for _ in range(3)))
    assert one == two == three
    assert await hand.get("a/to") == bytes_of(1000)


async def test_a_symbolic_link_is_not_copied(driver: DirectoryDriver, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "from").symlink_to(tmp_path / "secret")
    with pytest.raises(InvalidInput):
        await driver.copy(ask())


async def test_a_part_nobody_remembers_is_told_and_revoked(
    driver: DirectoryDriver, tmp_path: Path
) -> None:
    (tmp_path / ".stowage").mkdir()
    for name in ("hop-7.1.part", "hop-7.1.part.journal", "probe-x.part"):
        (tmp_path / ".stowage" / name).write_bytes(b"12345")
    (found,) = await writes(driver)
    assert (found.key, found.writer, found.size) == ("", "hop-7.1", 5)
    await driver.revoke(RevokeAsk(key=found.key, writer=found.writer))
    assert await writes(driver) == []
    assert own_files(tmp_path) == ["probe-x.part"]


async def test_a_writers_key_is_kept_beside_its_part(
    driver: DirectoryDriver, hand: Hand, tmp_path: Path
) -> None:
    grant = await hand.begin("käse/a b", 3)
    await hand.begin("käse/a b", 3)
    assert [write.key for write in await writes(driver)] == ["käse/a b"]
    await hand.fill(grant, b"abc")
    await hand.commit("käse/a b", grant, b"abc")
    assert own_files(tmp_path) == ["hop-1.1.done"]


async def test_notes_leave_no_folder_behind(
    driver: DirectoryDriver, hand: Hand, tmp_path: Path
) -> None:
    await hand.put("a/b/c", b"x")
    await driver.write_note("a/b/c", "note")
    assert (tmp_path / ".stowage/notes/a/b/c").read_text() == "note"
    await driver.delete("a/b/c")
    assert own_files(tmp_path) == ["hop-1.1.done"]


async def test_what_a_killed_writer_left_of_a_note_goes_with_the_next_write_or_delete(
    driver: DirectoryDriver, tmp_path: Path
) -> None:
    left = tmp_path / ".stowage" / f"note-{sha256(b'a/b').hexdigest()[:32]}.new"
    await driver.write_note("a/b", "one")
    left.write_text("half")
    await driver.write_note("a/b", "two")
    assert await driver.read_note("a/b") == "two"
    left.write_text("half")
    await driver.delete("a/b")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
