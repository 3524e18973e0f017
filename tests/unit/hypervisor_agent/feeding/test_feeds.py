"""What a part gives to peers, and until when."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypervisor_agent.engine.threads import Threads
from hypervisor_agent.feeding.feeds import Feed, Feeds
from stowage_contracts.values import Range

DATA = b"template" * 512


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part"
    path.write_bytes(DATA)
    return path


@pytest.fixture
def threads() -> Iterator[Threads]:
    found = Threads(1, "test")
    yield found
    found.close()


async def ended(part: Path, threads: Threads) -> tuple[Feeds, Feed]:
    """A feed whose hop has ended well; the part has its name on the pool by now."""
    feeds = Feeds()
    feed = Feed("sha256-tree-4m:" + "0" * 64, len(DATA), lambda: (Range(offset=0, length=4096),))
    async with feeds.offered("hop", feed, part, threads):
        assert feed.read(0, 8) == DATA[:8]
    part.rename(part.with_name("volume.raw"))
    return feeds, feed


async def test_an_ended_hop_still_feeds_what_nobody_wrote_to(part: Path, threads: Threads) -> None:
    feeds, feed = await ended(part, threads)
    assert feeds.find("hop") is feed
    assert feed.read(8, 8) == DATA[8:16]
    feeds.close()


async def test_what_a_guest_wrote_is_not_fed(part: Path, threads: Threads) -> None:
    feeds, feed = await ended(part, threads)
    volume = part.with_name("volume.raw")
    before = volume.stat().st_mtime_ns
    with volume.open("r+b") as file:
        file.write(b"a secret")
    os.utime(volume, ns=(before, before + 1))  # as a clock of coarse ticks may tell it
    with pytest.raises(OSError, match="written to"):
        feed.read(0, 8)
    feeds.close()


async def test_a_part_cut_short_is_an_error_not_zeros(part: Path, threads: Threads) -> None:
    feeds, feed = await ended(part, threads)
    os.truncate(part.with_name("volume.raw"), 4)
    with pytest.raises(OSError, match=r"ended early|written to"):
        feed.read(0, 8)
    feeds.close()


async def test_a_part_let_go_of_meanwhile_fails_no_hop(part: Path, threads: Threads) -> None:
    feeds = Feeds()
    feed = Feed("sha256-tree-4m:" + "0" * 64, len(DATA), tuple)
    async with feeds.offered("hop", feed, part, threads):
        feed.close()
    assert feeds.find("hop") is None
