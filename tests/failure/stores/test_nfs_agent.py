"""An agent whose NFS server hangs, dies or forgets: nothing is taken for durable that was not."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from hypervisor_agent.transports.nfs import NfsTransport
from hypervisor_agent.transports.nfs_reader import NfsReader
from hypervisor_agent.transports.part_writer import JOURNAL_STEP, PART
from stowage_contracts.errors import OutOfSpace, Stalled, StowageError, Unavailable
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import (
    RangedWriter,
    ReadShape,
    TransportSettings,
    WriteShape,
)
from stowage_contracts.testing.store_hand import Hand, bytes_of
from stowage_contracts.values import Range
from stowage_stores.nfs import NfsDriver

from tests.contract.stores.nfs_store import NfsClient, nfs_store
from tests.servers.nfs import Nfs, Share, fresh_share

STALL = 2.0
PATIENCE = 30
SIZE = JOURNAL_STEP + 4 * PART
BYTES = bytes_of(PART)


@pytest.fixture
def share(private_nfs: Nfs) -> Iterator[Share]:
    with fresh_share(private_nfs.exports()) as share:
        yield share
    if not private_nfs.alive():
        private_nfs.start()


@pytest.fixture
async def driver(share: Share) -> AsyncIterator[NfsDriver]:
    async with nfs_store(share.url) as driver:
        yield driver


@pytest.fixture
def transport() -> NfsTransport:
    return NfsTransport(TransportSettings())


async def no_parts(first_part: int, count: int) -> tuple[PartUrl, ...]:
    raise AssertionError("a file has no part URLs")


async def granted(driver: NfsDriver, size: int = SIZE) -> Grant:
    """The same part each time."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                ask = WriteAsk(key="image", writer="h1.1", size=size, seconds=600)
                return await driver.grant(ask)
            except Unavailable:
                await asyncio.sleep(0.1)


async def opened(transport: NfsTransport, grant: Grant, size: int = SIZE) -> RangedWriter:
    shape = WriteShape(size=size, source_validator="v1", stall_seconds=STALL)
    return await transport.open_writer(grant, shape, no_parts)


async def written(writer: RangedWriter, offsets: range) -> None:
    """The same bytes at each offset."""
    for offset in offsets:
        await writer.write(offset, memoryview(bytearray(BYTES)))


def parts(start: int, end: int) -> range:
    return range(start, end, PART)


async def test_a_server_killed_in_mid_write_loses_only_what_no_journal_says(
    private_nfs: Nfs, driver: NfsDriver, transport: NfsTransport, share: Share
) -> None:
    writer = await opened(transport, await granted(driver))
    await written(writer, parts(0, JOURNAL_STEP + PART))
    async with asyncio.timeout(PATIENCE):  # the sync runs beside the writing
        while not await writer.journal():
            await asyncio.sleep(0.05)
    private_nfs.kill()
    with pytest.raises(Unavailable):
        await written(writer, parts(JOURNAL_STEP + PART, SIZE))
    await writer.close()
    private_nfs.start()
    again = await opened(transport, await granted(driver))
    kept = await again.journal()
    assert kept[0].offset == 0
    assert JOURNAL_STEP <= kept[0].length < SIZE
    await written(again, parts(kept[0].length, SIZE))
    await again.finish()
    await again.close()
    assert not (share.folder / "image").exists()
    await driver.commit(CommitAsk(key="image", writer="h1.1", size=SIZE))
    assert (share.folder / "image").read_bytes() == BYTES * (SIZE // PART)


async def test_a_restart_before_the_sync_is_not_taken_for_durable(
    private_nfs: Nfs, driver: NfsDriver, transport: NfsTransport
) -> None:
    writer = await opened(transport, await granted(driver))
    await written(writer, parts(0, 4 * PART))
    private_nfs.restart()
    with pytest.raises(Unavailable):
        await writer.finish()
    await writer.close()
    again = await opened(transport, await granted(driver))
    assert await again.journal() == ()
    await again.close()


async def test_a_frozen_server_stalls_a_writer_and_nothing_else(
    private_nfs: Nfs, driver: NfsDriver, transport: NfsTransport
) -> None:
    writer = await opened(transport, await granted(driver))
    await written(writer, parts(0, PART))
    private_nfs.freeze()
    try:
        await stalled(written(writer, parts(PART, 2 * PART)))
        await in_time(writer.close())
        await threads_end("part-write")
    finally:
        private_nfs.thaw()
    again = await opened(transport, await granted(driver))
    assert await again.journal() in ((), (Range(offset=0, length=PART),))
    await again.close()


async def test_a_frozen_server_stalls_a_reader_and_nothing_else(
    private_nfs: Nfs, driver: NfsDriver, transport: NfsTransport
) -> None:
    await Hand(driver, NfsClient()).put("a", bytes_of(1 << 20))
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    reader = await transport.open_reader(grant, ReadShape(stall_seconds=STALL))
    assert isinstance(reader, NfsReader)
    private_nfs.freeze()
    try:
        await stalled(reader.read_into(0, memoryview(bytearray(1 << 20))))
        await in_time(reader.close())
        await threads_end("nfs-read")
        await stalled(transport.open_reader(grant, ReadShape(stall_seconds=STALL)))
    finally:
        private_nfs.thaw()
    reader = await transport.open_reader(grant, ReadShape(stall_seconds=STALL))
    assert isinstance(reader, NfsReader)
    buffer = bytearray(1 << 20)
    await reader.read_into(0, memoryview(buffer))
    assert bytes(buffer) == bytes_of(1 << 20)
    await reader.close()


async def stalled(call: object) -> None:
    """It ends in time while the loop goes on."""
    ticks = 0
    task = asyncio.ensure_future(call)  # type: ignore[call-overload]
    async with asyncio.timeout(PATIENCE):
        while not task.done():
            ticks += 1
            await asyncio.sleep(0.05)
    assert ticks > 5
    with pytest.raises((Stalled, Unavailable)):
        task.result()


async def in_time(call: object) -> None:
    async with asyncio.timeout(PATIENCE):
        await call  # type: ignore[misc]


async def threads_end(name: str) -> None:
    """None of that name is stuck."""
    async with asyncio.timeout(PATIENCE):
        while any(thread.name.startswith(name) for thread in threading.enumerate()):
            await asyncio.sleep(0.05)


async def test_an_export_that_is_full_is_out_of_space(
    private_nfs: Nfs, transport: NfsTransport
) -> None:
    async with nfs_store(private_nfs.url_of("small")) as driver:
        size = 4 * PART
        grant = await granted(driver, size)
        with pytest.raises(OutOfSpace):
            await opened(transport, grant, size)
        shape = WriteShape(size=size, sparse=True, stall_seconds=STALL)
        writer = await transport.open_writer(grant, shape, no_parts)
        with pytest.raises(OutOfSpace):
            await written(writer, parts(0, size))
        await writer.close(keep=False)
        assert [found async for found in driver.writes()] == []


AGENT = """
import asyncio, sys
from hypervisor_agent.transports.nfs import NfsTransport
from pydantic import SecretStr
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.transport import ReadShape, TransportSettings
from datetime import UTC, datetime

async def main():
    grant = Grant(uri=SecretStr(sys.argv[1]), expires=datetime.now(UTC))
    reader = await NfsTransport(TransportSettings()).open_reader(grant, ReadShape(stall_seconds=60))
    print("open", flush=True)
    sys.stdin.readline()
    reading = asyncio.create_task(reader.read_into(0, memoryview(bytearray(1 << 20))))
    await asyncio.wait([reading], timeout=1)
    reading.cancel()
    await asyncio.wait([reading])
    await reader.close()

asyncio.run(main())
"""


async def test_an_agent_ends_while_its_server_is_frozen(
    private_nfs: Nfs, driver: NfsDriver
) -> None:
    await Hand(driver, NfsClient()).put("a", bytes_of(1 << 20))
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    assert grant.uri is not None
    argv = [sys.executable, "-c", AGENT, grant.uri.get_secret_value()]
    agent = await asyncio.create_subprocess_exec(
        *argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert agent.stdin is not None
    assert agent.stdout is not None
    try:
        await in_time(agent.stdout.readline())
        private_nfs.freeze()
        agent.stdin.write(b"go\n")
        await in_time(agent.wait())
        assert agent.returncode == 0
    finally:
        private_nfs.thaw()
        if agent.returncode is None:
            agent.kill()
            await agent.wait()


async def test_what_a_lost_connection_means_is_typed(
    private_nfs: Nfs, driver: NfsDriver, transport: NfsTransport
) -> None:
    await Hand(driver, NfsClient()).put("a", bytes_of(1 << 20))
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    reader = await transport.open_reader(grant, ReadShape(stall_seconds=STALL))
    assert isinstance(reader, NfsReader)
    private_nfs.kill()
    with pytest.raises(StowageError) as caught:
        await reader.read_into(0, memoryview(bytearray(1 << 20)))
    assert caught.value.code == "unavailable.server"
    private_nfs.start()
    async with asyncio.timeout(PATIENCE):
        while not await _reads(reader):
            await asyncio.sleep(0.1)
    await reader.close()


async def _reads(reader: NfsReader) -> bool:
    try:
        await reader.read_into(0, memoryview(bytearray(1 << 20)))
    except Unavailable:
        return False
    return True
