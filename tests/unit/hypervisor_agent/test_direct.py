"""Direct I/O where blocks allow it, the usual way elsewhere; the bytes are the same."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypervisor_agent.transports.direct import BLOCK, Direct
from hypervisor_agent.transports.resident import resident

SIZE = 64 * BLOCK


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, Direct]]:
    number = os.open(path, os.O_RDWR | os.O_CREAT)
    direct = Direct(number, os.O_RDWR)
    try:
        yield number, direct
    finally:
        direct.close()
        os.close(number)


def pages(data: bytes) -> memoryview:
    buffer = mmap.mmap(-1, len(data), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    buffer[:] = data
    return memoryview(buffer)


def evicted(number: int) -> None:
    os.fsync(number)
    os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)


def test_whole_blocks_are_written_and_the_rest_is_left(tmp_path: Path) -> None:
    data = os.urandom(3 * BLOCK + 100)
    with opened(tmp_path / "file") as (number, direct):
        assert direct.write(BLOCK, pages(data)) in (0, 3 * BLOCK)  # 0: no direct I/O here
        done = direct.write(BLOCK, pages(data))
        assert os.pread(number, done, BLOCK) == data[:done]


def test_what_is_not_cached_is_read_past_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data := os.urandom(SIZE))
    with opened(tmp_path / "file") as (number, direct):
        evicted(number)
        buffer = pages(bytes(SIZE))
        done = direct.read(number, 0, buffer)
        assert buffer[:done] == data[:done]
        assert not (done and resident(number, 0, SIZE))


def test_what_is_cached_is_left_to_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(os.urandom(SIZE))
    with opened(tmp_path / "file") as (number, direct):
        os.pread(number, SIZE, 0)
        assert resident(number, 0, SIZE)
        assert direct.read(number, 0, pages(bytes(SIZE))) == 0


@pytest.mark.parametrize("offset", [1, 512])
def test_ragged_places_go_the_usual_way(tmp_path: Path, offset: int) -> None:
    with opened(tmp_path / "file") as (_, direct):
        assert direct.write(offset, pages(bytes(BLOCK))) == 0


def test_memory_that_is_not_aligned_goes_the_usual_way(tmp_path: Path) -> None:
    with opened(tmp_path / "file") as (_, direct):
        assert direct.write(0, pages(bytes(3 * BLOCK))[1:]) == 0


def test_reading_ends_where_the_file_does(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(data := os.urandom(2 * BLOCK + 7))
    with opened(tmp_path / "file") as (number, direct):
        evicted(number)
        buffer = pages(bytes(4 * BLOCK))
        done = direct.read(number, 0, buffer)
        assert done % BLOCK == 0
        assert buffer[:done] == data[:done]
