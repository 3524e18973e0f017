"""An NFS server that hangs, dies, fills up or loses its export: a typed error, and then healing."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from stowage_contracts.errors import NotFound, OutOfSpace, StowageError, Unavailable
from stowage_contracts.plugins.image_store_driver import RevokeAsk, WriteAsk
from stowage_contracts.testing.grant_client import FileClient
from stowage_contracts.testing.store_hand import Hand
from stowage_stores.directory import DirectoryDriver
from stowage_stores.nfs import NfsDriver

from tests.contract.stores.nfs_store import NfsClient, nfs_store
from tests.servers.nfs import Nfs, Share, fresh_share

SECONDS = 2
GONE = ("unavailable.stale", "unavailable.missing", "unavailable.denied")
"""What servers say of an export that is not there; ganesha denies it."""
PATIENCE = 20
"""Within which anything that has a deadline of SECONDS must have ended, on a busy machine."""


@pytest.fixture
def share(private_nfs: Nfs) -> Iterator[Share]:
    with fresh_share(private_nfs.exports()) as share:
        yield share
    if not private_nfs.alive():
        private_nfs.start()


@pytest.fixture
async def store(share: Share) -> AsyncIterator[NfsDriver]:
    async with nfs_store(share.url, SECONDS) as driver:
        yield driver


def hand_of(driver: NfsDriver) -> Hand:
    return Hand(driver, NfsClient())


def children() -> set[int]:
    """Processes this one started for stores."""
    found = subprocess.run(
        ["pgrep", "-P", str(os.getpid()), "-f", "stowage_stores.nfs.worker"],
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    return set(map(int, found.stdout.split()))


async def healed(driver: NfsDriver, key: str) -> bytes:
    """The object, once its server answers again."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await hand_of(driver).get(key)
            except Unavailable:
                await asyncio.sleep(0.1)


async def code_of(call: object) -> str:
    """What a call ends in, which must be in time."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(StowageError) as caught:
            await call  # type: ignore[misc]
    return caught.value.code


async def test_a_frozen_server_holds_up_neither_the_loop_nor_another_store(
    private_nfs: Nfs, store: NfsDriver, tmp_path: Path
) -> None:
    await hand_of(store).put("kept", b"kept")
    (before,) = children()
    other = Hand(DirectoryDriver(str(tmp_path)), FileClient())
    private_nfs.freeze()
    try:
        stuck = asyncio.create_task(code_of(store.stat("kept")))
        answered = 0
        while not stuck.done():
            await other.put(f"key-{answered}", b"data", f"hop-{answered}.1")
            answered += 1
            await asyncio.sleep(0.05)
        assert await stuck == "unavailable.stuck"
        assert answered > 3
        assert before not in children()
        checks, capacity = await store.probe()
        assert [(check.ok, check.code) for check in checks] == [(False, "stuck")]
        assert capacity.total_bytes is None
    finally:
        private_nfs.thaw()
    assert await healed(store, "kept") == b"kept"


async def test_many_calls_to_a_frozen_server_all_end(private_nfs: Nfs, store: NfsDriver) -> None:
    await hand_of(store).put("kept", b"kept")
    private_nfs.freeze()
    try:
        ended = await asyncio.gather(*(code_of(store.stat(f"key-{n}")) for n in range(40)))
        assert set(ended) == {"unavailable.stuck"}
    finally:
        private_nfs.thaw()
    assert await healed(store, "kept") == b"kept"
    assert len(children()) == 1


async def test_a_dead_server_is_told_and_the_store_heals(
    private_nfs: Nfs, store: NfsDriver
) -> None:
    await hand_of(store).put("kept", b"kept")
    grant = await hand_of(store).begin("begun", 3, "hop-2.1")
    private_nfs.kill()
    for call in (store.stat("kept"), store.delete("kept"), hand_of(store).keys()):
        assert await code_of(call) == "unavailable.server"
    checks, _ = await store.probe()
    assert [(check.name, check.code) for check in checks] == [("root", "server")]
    private_nfs.start()
    assert await healed(store, "kept") == b"kept"
    await hand_of(store).fill(grant, b"abc")
    await hand_of(store).commit("begun", grant, b"abc", "hop-2.1")
    assert await hand_of(store).keys() == ["begun", "kept"]


async def test_a_restart_between_two_calls_is_not_noticed(
    private_nfs: Nfs, store: NfsDriver
) -> None:
    await hand_of(store).put("kept", b"kept")
    private_nfs.restart()
    async with asyncio.timeout(PATIENCE):
        while not await _answers(store):
            await asyncio.sleep(0.1)
    assert await hand_of(store).get("kept") == b"kept"


async def _answers(store: NfsDriver) -> bool:
    try:
        await store.stat("kept")
    except Unavailable:
        return False
    return True


async def test_a_full_export_is_out_of_space_and_still_read(private_nfs: Nfs) -> None:
    folder = private_nfs.directory / "small"
    async with nfs_store(private_nfs.url_of("small"), SECONDS) as driver:
        hand = hand_of(driver)
        await hand.put("kept", b"kept")
        subprocess.run(
            ["dd", "if=/dev/zero", f"of={folder}/filler", "bs=4k"],
            check=False,
            capture_output=True,
            timeout=30,
        )
        checks, _ = await driver.probe()
        assert [(check.name, check.code) for check in checks if not check.ok] == [
            ("write", "out_of_space")
        ]
        assert await hand.get("kept") == b"kept"
        (folder / "filler").unlink()
        checks, capacity = await driver.probe()
        assert all(check.ok for check in checks)
        assert capacity.total_bytes == 8 << 20
        await hand.put("new", b"new", "hop-2.1")


async def test_a_read_only_export_is_told_and_read(private_nfs: Nfs) -> None:
    share = private_nfs.share("readonly")
    (share.folder / "kept").write_bytes(b"kept")
    async with nfs_store(share.url, SECONDS) as driver:
        checks, _ = await driver.probe()
        failed = [(check.name, check.code) for check in checks if not check.ok]
        assert failed[0] == ("write", "read_only")
        assert await hand_of(driver).get("kept") == b"kept"
        assert await hand_of(driver).keys() == ["kept"]


async def test_an_export_that_vanished_is_told_and_heals(
    private_nfs: Nfs, share: Share, store: NfsDriver
) -> None:
    await hand_of(store).put("kept", b"kept")
    shutil.rmtree(share.folder)
    private_nfs.restart()  # it remembers for a while what was there, and what was not
    async with asyncio.timeout(PATIENCE):
        while (code := await code_of(store.stat("kept"))) == "unavailable.server":
            await asyncio.sleep(0.1)
    assert code in GONE
    checks, _ = await store.probe()
    assert f"unavailable.{checks[0].code}" in GONE
    assert not share.folder.exists()
    share.folder.mkdir()
    private_nfs.restart()
    with pytest.raises(NotFound):
        await store.stat("kept")
    await hand_of(store).put("kept", b"new", "hop-2.1")


async def test_what_the_server_denies_is_told(share: Share) -> None:
    async with nfs_store(f"{share.url}&uid=4242&gid=4242", SECONDS) as stranger:
        checks, _ = await stranger.probe()
        assert [(check.name, check.code) for check in checks if not check.ok] == [
            ("write", "denied")
        ]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nfs://nosuch.invalid/export", "name"),
        ("nfs://127.0.0.1:{nfs}/nothing?mountport={mount}", "denied"),
        ("nfs://127.0.0.1:19/export?mountport=19", "server"),
        ("nfs://127.0.0.1:{nfs}/nothing?mountport={mount}&version=4", "version"),
    ],
)
async def test_a_wrong_url_has_a_code_of_its_own(private_nfs: Nfs, url: str, code: str) -> None:
    facts = private_nfs.record()
    async with nfs_store(url.format(**facts), SECONDS) as driver:
        async with asyncio.timeout(PATIENCE):
            checks, _ = await driver.probe()
        assert [(check.name, check.code) for check in checks] == [("root", code)]


async def test_a_killed_child_is_begun_anew(store: NfsDriver) -> None:
    await hand_of(store).put("kept", b"kept")
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    assert await healed(store, "kept") == b"kept"
    assert child not in children()


async def test_a_listing_outlives_no_child_and_says_so(store: NfsDriver) -> None:
    for number in range(3):
        await hand_of(store).put(f"key-{number}", b"", f"hop-{number}.1")
    listing = store.list()
    assert (await anext(listing)).key == "key-0"
    (child,) = children()
    os.kill(child, signal.SIGKILL)
    rest = []
    try:
        async for found in listing:
            rest.append(found.key)
    except Unavailable:
        return
    assert rest == ["key-1", "key-2"]


async def test_writes_begun_before_a_crash_are_listed_and_revoked(
    private_nfs: Nfs, store: NfsDriver
) -> None:
    await store.grant(WriteAsk(key="a/b", writer="hop-1.1", size=3, seconds=60))
    private_nfs.kill()
    private_nfs.start()
    await healed_probe(store)
    (found,) = [write async for write in store.writes()]
    assert (found.key, found.writer) == ("a/b", "hop-1.1")
    await store.revoke(RevokeAsk(key=found.key, writer=found.writer))
    assert [write async for write in store.writes()] == []


async def healed_probe(store: NfsDriver) -> None:
    async with asyncio.timeout(PATIENCE):
        while not all(check.ok for check in (await store.probe())[0]):
            await asyncio.sleep(0.1)


SERVICE = """
import asyncio, sys
from stowage_stores.nfs import NfsProvider, NfsSettings

async def main():
    driver = NfsProvider().open(NfsSettings(url=sys.argv[1], deadline_seconds=60))
    await driver.probe()
    print(driver._child._process.pid, flush=True)
    await driver.stat("a")

asyncio.run(main())
"""


async def test_a_child_ends_with_its_service_whatever_it_waits_for(
    private_nfs: Nfs, share: Share
) -> None:
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, share.url], stdout=subprocess.PIPE, text=True
    )
    assert service.stdout is not None
    child = int(service.stdout.readline())
    private_nfs.freeze()
    try:
        service.kill()
        service.wait(10)
        service.stdout.close()
        async with asyncio.timeout(PATIENCE):
            while Path(f"/proc/{child}/cmdline").exists() and _lives(child):
                await asyncio.sleep(0.05)
    finally:
        private_nfs.thaw()


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


async def test_bytes_beyond_the_room_are_out_of_space(private_nfs: Nfs) -> None:
    async with nfs_store(private_nfs.url_of("small"), SECONDS) as driver:
        hand = hand_of(driver)
        data = bytes(16 << 20)
        grant = await hand.begin("big", len(data), "hop-9.1")
        with pytest.raises((OutOfSpace, OSError)):
            await hand.fill(grant, b"x" * len(data))
        await hand.revoke("big", grant, "hop-9.1")
        assert [write async for write in driver.writes()] == []
