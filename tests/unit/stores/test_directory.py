"""What only a directory has: modes, links, foreign files, a mount that must be there."""

import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from stowage_contracts.errors import Conflict, InvalidInput, StowageError, Unavailable
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.directory import DirectoryDriver


@pytest.fixture
def hand(tmp_path: Path) -> Hand:
    return Hand(DirectoryDriver(str(tmp_path)), FileClient())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_parts_are_group_writable_and_objects_are_not(hand: Hand, tmp_path: Path) -> None:
    grant = await hand.begin("a/b", 3)
    assert grant.uri is not None
    part = Path(unquote(urlsplit(grant.uri.get_secret_value()).path))
    assert part == tmp_path / ".stowage" / "hop-1.1.part"
    assert (mode(part), mode(part.parent)) == (0o660, 0o770)
    await hand.fill(grant, b"abc")
    await hand.commit("a/b", grant, b"abc")
    assert (mode(tmp_path / "a/b"), mode(tmp_path / "a")) == (0o640, 0o770)
    assert not part.exists()


async def test_revoke_takes_the_agents_journal_along(hand: Hand, tmp_path: Path) -> None:
    grant = await hand.begin("a", 3)
    journal = tmp_path / ".stowage" / "hop-1.1.part.journal"
    journal.write_text("{}")
    await hand.revoke("a", grant)
    assert list((tmp_path / ".stowage").iterdir()) == []
    assert not journal.exists()


async def test_symbolic_links_are_never_followed(hand: Hand, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(outside)
    (tmp_path / "file").symlink_to(outside / "secret")
    for key in ("link/secret", "link/new", "file"):
        for call in (hand.driver.stat(key), hand.driver.delete(key), hand.begin(key, 1)):
            with pytest.raises(InvalidInput):
                await call
    assert await hand.keys() == []
    assert (outside / "secret").read_bytes() == b"secret"


async def test_foreign_files_are_listed_but_foreign_names_are_not(
    hand: Hand, tmp_path: Path
) -> None:
    (tmp_path / "lost+found").mkdir()
    (tmp_path / "lost+found" / "x").touch()
    (tmp_path / "image.iso").write_bytes(b"iso")
    (tmp_path / "new\nline").touch()
    (tmp_path / os.fsdecode(b"\xff")).touch()
    os.mkfifo(tmp_path / "pipe")
    assert await hand.keys() == ["image.iso"]


async def test_deleting_leaves_no_empty_folders(hand: Hand, tmp_path: Path) -> None:
    await hand.put("a/b/c", b"1")
    await hand.put("a/d", b"2", "hop-2.1")
    await hand.driver.delete("a/b/c")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["d"]
    await hand.driver.delete("a/d")
    assert [path.name for path in tmp_path.iterdir()] == [".stowage"]


async def test_an_object_where_a_folder_must_be_is_a_conflict(hand: Hand) -> None:
    await hand.put("a", b"1")
    grant = await hand.begin("a/b", 1, "hop-2.1")
    await hand.fill(grant, b"2")
    with pytest.raises(Conflict):
        await hand.commit("a/b", grant, b"2", "hop-2.1")


async def test_an_object_changed_behind_our_back_is_not_taken_for_ours(
    hand: Hand, tmp_path: Path
) -> None:
    grant = await hand.begin("a", 3)
    await hand.fill(grant, b"abc")
    await hand.commit("a", grant, b"abc")
    (tmp_path / "a").unlink()
    (tmp_path / "a").write_bytes(b"abc")
    with pytest.raises(StowageError):
        await hand.commit("a", grant, b"abc")


async def test_a_missing_root_is_unavailable_not_empty(tmp_path: Path) -> None:
    hand = Hand(DirectoryDriver(str(tmp_path / "gone")), FileClient())
    for call in (hand.driver.stat("a"), hand.begin("a", 1), hand.keys(), hand.driver.delete("a")):
        with pytest.raises(Unavailable) as caught:
            await call
        assert caught.value.code == "unavailable.missing"
    checks, _ = await hand.driver.probe()
    assert [(check.name, check.ok, check.code) for check in checks] == [("root", False, "missing")]
    assert not (tmp_path / "gone").exists()


async def test_a_root_that_must_be_a_mount_is_refused_while_it_is_not(tmp_path: Path) -> None:
    driver = DirectoryDriver(str(tmp_path), mounted=True)
    checks, _ = await driver.probe()
    assert [(check.name, check.ok) for check in checks] == [("root", False)]
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(Unavailable):
        await Hand(driver, FileClient()).begin("a", 1)


async def test_a_file_as_root_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    checks, _ = await DirectoryDriver(str(tmp_path / "file")).probe()
    assert [check.code for check in checks] == ["not_a_directory"]


async def test_probe_tells_capacity_and_leaves_no_file(tmp_path: Path) -> None:
    checks, capacity = await DirectoryDriver(str(tmp_path)).probe()
    assert [check.name for check in checks] == [
        "root",
        "write",
        "read",
        "commit",
        "list",
        "note",
        "delete",
        "tidy",
    ]
    assert capacity.total_bytes
    assert capacity.used_bytes is not None
    assert list(tmp_path.iterdir()) == []
