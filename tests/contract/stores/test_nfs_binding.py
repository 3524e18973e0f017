"""What libnfs tells is read where it lies: every field compared with the server's own disk."""

from __future__ import annotations

import ctypes
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import PurePosixPath

import pytest
from stowage_stores.files import Found, OsFiles
from stowage_stores.nfs.connecting import connect
from stowage_stores.nfs.files import NfsFiles
from stowage_stores.nfs.layouts import Entry, Room, Stat
from stowage_stores.nfs.libnfs import CHUNK, Connection
from stowage_stores.nfs.url import NfsUrl

from tests.servers.nfs import Share

FILE = PurePosixPath("/file")


@pytest.fixture
def nfs(nfs_share: Share) -> Iterator[Connection]:
    connection = connect(NfsUrl.parse(nfs_share.url), 10)
    yield connection
    connection.close()


def test_structures_have_the_sizes_the_library_was_built_with() -> None:
    sizes = [ctypes.sizeof(kind) for kind in (Stat, Room, Entry)]
    assert sizes == [17 * 8, 11 * 8, 160]
    assert (Entry.mode.offset, Entry.size.offset, Entry.mtime.offset) == (28, 32, 56)
    assert (Entry.nlink.offset, Entry.dev.offset, Entry.mtime_nsec.offset) == (96, 104, 148)


def test_status_and_listing_say_what_the_disk_says(nfs_share: Share) -> None:
    (nfs_share.folder / "file").write_bytes(b"12345")
    (nfs_share.folder / "folder").mkdir(mode=0o2750)
    (nfs_share.folder / "link").symlink_to("file")
    there, here = NfsFiles(NfsUrl.parse(nfs_share.url), 10), OsFiles()
    listed = dict(there.entries(PurePosixPath("/")))
    assert listed.keys() == {"file", "folder", "link"}
    for name, found in listed.items():
        truth = here.stat(PurePosixPath(nfs_share.folder / name))
        assert alike(found) == alike(truth)
        assert alike(there.stat(PurePosixPath("/", name))) == alike(truth)
    total, free = there.room(PurePosixPath("/"))
    assert total == here.room(PurePosixPath(nfs_share.folder))[0]
    assert 0 < free <= total
    there.close()


def alike(found: Found) -> Found:
    """A server has device numbers of its own."""
    return replace(found, device=0)


def test_owner_and_links_are_told(nfs: Connection, nfs_share: Share) -> None:
    path = nfs_share.folder / "file"
    path.write_bytes(b"x")
    os.chown(path, 1234, 5678)
    (nfs_share.folder / "second").hardlink_to(path)
    found = Stat()
    nfs.call("nfs_lstat64", bytes(FILE), ctypes.byref(found))
    assert (found.uid, found.gid, found.nlink) == (1234, 5678, 2)
    assert stat.S_ISREG(found.mode)


def test_reads_and_writes_beyond_one_request_are_whole(nfs: Connection, nfs_share: Share) -> None:
    data = bytearray(os.urandom(2 * CHUNK + 12_345))
    with nfs.opened(b"/file", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o640) as file:
        nfs.write(file, 7, memoryview(data))
        nfs.call("nfs_fsync", file)
        buffer = bytearray(len(data) + 100)
        assert nfs.read(file, 7, memoryview(buffer)) == len(data)
    assert buffer[: len(data)] == data
    assert (nfs_share.folder / "file").read_bytes() == bytes(7) + data


def test_links_are_not_followed_when_a_file_is_opened(nfs: Connection, nfs_share: Share) -> None:
    (nfs_share.folder / "file").write_bytes(b"x")
    (nfs_share.folder / "link").symlink_to("file")
    for flags in (os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT):
        with pytest.raises(OSError, match=r"links|argument|exists"):
            nfs.open(b"/link", flags, 0o600)


def test_a_new_file_never_replaces_one(nfs_share: Share) -> None:
    files = NfsFiles(NfsUrl.parse(nfs_share.url), 10)
    files.write(FILE, b"first", 0o640)
    with pytest.raises(FileExistsError):
        files.write(FILE, b"second", 0o640)
    files.touch(FILE, 0o660)
    assert files.read(FILE, 100) == b"first"
    assert stat.S_IMODE(files.stat(FILE).mode) == 0o660
    files.close()
