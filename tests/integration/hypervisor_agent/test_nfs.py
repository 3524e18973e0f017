"""Hops into and out of a real NFS export, the driver on one side and the agent on the other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypervisor_agent.engine.terms import Tools
from hypervisor_agent.hypervisors.kvm import KvmHypervisor
from hypervisor_agent.transports.nfs import NfsTransport
from hypervisor_agent.transports.nfs_reader import NfsReader
from pydantic import SecretStr
from stowage_contracts.errors import (
    Conflict,
    GrantRefused,
    NotFound,
    OutOfSpace,
    SourceChanged,
    SourceRefused,
)
from stowage_contracts.grants import FetchRules, Grant, PartUrl
from stowage_contracts.plugins.hypervisor import HypervisorSettings
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, RevokeAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource, ReadShape, TransportSettings, WriteShape
from stowage_contracts.testing.store_hand import Hand
from stowage_contracts.testing.transport_suite import TransportSuite
from stowage_contracts.values import EndKind, ImageFormat
from stowage_stores.nfs import NfsDriver

from tests.contract.stores.nfs_store import NfsClient, nfs_store
from tests.integration.hypervisor_agent.kit import (
    LOOPBACK,
    MIB,
    GivenGrants,
    end,
    file_grant,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    soon,
    tree_digest,
    url_grant,
)
from tests.integration.hypervisor_agent.source_server import Source, serving
from tests.servers.nfs import Share

KEY = "templates/t1"
WRITER = "h1.1"
SIZE = 40 * MIB + 12345
DATA = noise(SIZE)


@pytest.fixture
async def driver(nfs_share: Share) -> AsyncIterator[NfsDriver]:
    async with nfs_store(nfs_share.url) as driver:
        yield driver


@pytest.fixture
def transport() -> NfsTransport:
    return NfsTransport(TransportSettings())


@dataclass
class NfsEnd:
    """A store as source and sink."""

    driver: NfsDriver
    folder: Path
    name: str = ""
    """Of the size last asked for."""

    async def put(self, data: bytes) -> Grant:
        await Hand(self.driver, NfsClient()).put("source", data)
        return await self.driver.grant(ReadAsk(key="source", seconds=60))

    async def grant(self, size: int) -> Grant:
        self.name = f"sink-{size}"
        ask = WriteAsk(key=self.name, writer=f"h{size}.1", size=size, seconds=60)
        return await self.driver.grant(ask)

    @property
    def parts(self) -> PartSource:
        return self._no_parts

    async def content(self, size: int) -> bytes:
        assert not (self.folder / self.name).exists()
        writer = f"h{self.name.removeprefix('sink-')}.1"
        await self.driver.commit(CommitAsk(key=self.name, writer=writer, size=size))
        return await Hand(self.driver, NfsClient()).get(self.name)

    async def _no_parts(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        raise AssertionError("a file has no part URLs")


class TestNfsTransport(TransportSuite):
    @pytest.fixture
    def end(self, driver: NfsDriver, nfs_share: Share) -> NfsEnd:
        return NfsEnd(driver, nfs_share.folder)

    @pytest.fixture
    def source(self, end: NfsEnd) -> NfsEnd:
        return end

    @pytest.fixture
    def sink(self, end: NfsEnd) -> NfsEnd:
        return end


def tools_of(root: Path) -> Tools:
    """An agent's, NFS among its transports."""
    tools = make_tools(root)
    transports = {**tools.transports, "nfs": NfsTransport(TransportSettings())}
    object.__setattr__(tools, "transports", transports)
    return tools


async def begun(driver: NfsDriver, size: int | None = SIZE) -> Grant:
    """A write grant."""
    return await driver.grant(WriteAsk(key=KEY, writer=WRITER, size=size, seconds=600))


def into(grant: Grant, read: Callable[[], Grant]) -> GivenGrants:
    """From anywhere into a store."""
    return GivenGrants(read, lambda _: grant, LOOPBACK)


async def no_parts(first_part: int, count: int) -> tuple[PartUrl, ...]:
    raise AssertionError("a file has no part URLs")


async def test_a_url_goes_to_nfs_and_from_there_to_a_file(
    tmp_path: Path, driver: NfsDriver, nfs_share: Share
) -> None:
    grant, tools = await begun(driver), tools_of(tmp_path)
    async with serving(Source(DATA)) as source:
        receipt = await hop(order(), into(grant, lambda: url_grant(source.url)), tools).run()
    assert receipt.part == f"{WRITER}.part"
    assert receipt.verdict is not None
    assert receipt.verdict.accepted
    assert not (nfs_share.folder / KEY).exists()
    assert [found async for found in driver.list()] == []
    await driver.commit(CommitAsk(key=KEY, writer=WRITER, size=receipt.size))
    assert (nfs_share.folder / KEY).read_bytes() == DATA
    assert {path.suffix for path in (nfs_share.folder / ".stowage").iterdir()} <= {".done"}
    read = await driver.grant(ReadAsk(key=KEY, seconds=600))
    asked = order(digest=tree_digest(DATA))
    part = part_of(tmp_path, asked)
    await hop(
        asked, GivenGrants(lambda: read, lambda _: file_grant(part, writes=True)), tools
    ).run()
    assert part.read_bytes() == DATA


async def test_a_qcow2_is_made_on_an_export_and_read_from_there(
    tmp_path: Path, driver: NfsDriver, nfs_share: Share
) -> None:
    disk, tools = tmp_path / "disk.raw", tools_of(tmp_path)
    disk.write_bytes(bytes(9 * MIB) + noise(5 * MIB) + bytes(3 * MIB))
    asked = order(source=end(ImageFormat.RAW), destination=end(ImageFormat.QCOW2))
    grant = await begun(driver, None)
    receipt = await hop(asked, GivenGrants(lambda: file_grant(disk), lambda _: grant), tools).run()
    await driver.commit(CommitAsk(key=KEY, writer=WRITER, size=receipt.size))
    assert receipt.digest == tree_digest((nfs_share.folder / KEY).read_bytes())

    read = await driver.grant(ReadAsk(key=KEY, seconds=600))
    facts = {"source": end(ImageFormat.QCOW2), "destination": end(ImageFormat.RAW)}
    back = order(**facts, digest=receipt.digest)
    part = part_of(tmp_path, back)
    given = GivenGrants(lambda: read, lambda _: file_grant(part, writes=True))
    await hop(back, given, tools).run()
    assert part.read_bytes() == disk.read_bytes()


async def test_zeros_are_left_out(tmp_path: Path, driver: NfsDriver, nfs_share: Share) -> None:
    data = bytes(24 * MIB) + noise(MIB) + bytes(23 * MIB + 5)
    grant = await begun(driver, len(data))
    async with serving(Source(data)) as source:
        grants = into(grant, lambda: url_grant(source.url))
        receipt = await hop(order(), grants, tools_of(tmp_path)).run()
    part = nfs_share.folder / ".stowage" / f"{WRITER}.part"
    assert receipt.bytes_sent == MIB
    assert part.read_bytes() == data
    assert part.stat().st_blocks * 512 <= 2 * MIB


async def test_what_a_writer_journaled_the_next_one_need_not_send(
    tmp_path: Path, driver: NfsDriver
) -> None:
    grant = await begun(driver)
    tools = tools_of(tmp_path)
    async with serving(Source(DATA)) as source:
        grants = into(grant, lambda: url_grant(source.url))
        first = await hop(order(), grants, tools).run()
        again = await hop(order(), grants, tools).run()
    assert first.bytes_sent == SIZE
    assert again.bytes_sent == 0
    assert again.digest == first.digest


async def test_a_revoked_part_is_not_made_again(
    driver: NfsDriver, nfs_share: Share, transport: NfsTransport
) -> None:
    grant = await begun(driver)
    await driver.revoke(RevokeAsk(key=KEY, writer=WRITER))
    with pytest.raises(GrantRefused):
        await transport.open_writer(grant, WriteShape(size=SIZE), no_parts)
    assert list((nfs_share.folder / ".stowage").iterdir()) == []


async def test_a_committed_part_is_never_written_to(
    driver: NfsDriver, nfs_share: Share, transport: NfsTransport
) -> None:
    grant = await begun(driver, 3)
    part = nfs_share.folder / ".stowage" / f"{WRITER}.part"
    part.write_bytes(b"abc")
    (nfs_share.folder / "object").hardlink_to(part)
    with pytest.raises(Conflict):
        await transport.open_writer(grant, WriteShape(size=3), no_parts)
    assert part.read_bytes() == b"abc"


async def test_a_part_revoked_while_it_is_written_is_told(
    driver: NfsDriver, transport: NfsTransport
) -> None:
    writer = await transport.open_writer(await begun(driver, 10), WriteShape(size=10), no_parts)
    await writer.write(0, memoryview(bytearray(b"0123456789")))
    await driver.revoke(RevokeAsk(key=KEY, writer=WRITER))
    with pytest.raises(GrantRefused):
        await writer.finish()
    await writer.close(keep=False)


async def test_a_changed_object_is_noticed(
    driver: NfsDriver, nfs_share: Share, transport: NfsTransport
) -> None:
    await Hand(driver, NfsClient()).put("a", b"old bytes")
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    reader = await transport.open_reader(grant, ReadShape())
    (nfs_share.folder / "a").write_bytes(b"new bytes")
    with pytest.raises(SourceChanged):
        await reader_of(reader).read_into(0, memoryview(bytearray(9)))
    await reader.close()
    with pytest.raises(SourceChanged):
        await transport.open_reader(grant, ReadShape())


def reader_of(found: object) -> NfsReader:
    """Not through a kernel's mount."""
    assert isinstance(found, NfsReader)
    return found


async def test_an_absent_object_is_not_found(driver: NfsDriver, transport: NfsTransport) -> None:
    await Hand(driver, NfsClient()).put("a", b"bytes")
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    await driver.delete("a")
    with pytest.raises(NotFound):
        await transport.open_reader(grant, ReadShape())


async def test_what_cannot_fit_is_refused_before_a_byte(
    driver: NfsDriver, transport: NfsTransport
) -> None:
    with pytest.raises(OutOfSpace):
        await transport.open_writer(await begun(driver), WriteShape(size=1 << 50), no_parts)


async def test_a_users_nfs_url_is_never_opened(driver: NfsDriver, transport: NfsTransport) -> None:
    await Hand(driver, NfsClient()).put("a", b"bytes")
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    with pytest.raises(SourceRefused):
        await transport.open_reader(grant, ReadShape(rules=FetchRules(schemes=("nfs",))))


@pytest.mark.parametrize("rules", [None, LOOPBACK])
async def test_a_template_from_an_nfs_url_is_refused(
    tmp_path: Path, driver: NfsDriver, rules: FetchRules | None
) -> None:
    await Hand(driver, NfsClient()).put("a", noise(MIB))
    grant = await driver.grant(ReadAsk(key="a", seconds=60))
    asked = order(source=end().model_copy(update={"kind": EndKind.URL}))
    part = part_of(tmp_path, asked)
    grants = GivenGrants(lambda: grant, lambda _: file_grant(part, writes=True), rules)
    with pytest.raises(SourceRefused) as caught:
        await hop(asked, grants, tools_of(tmp_path)).run()
    assert caught.value.code == "source.scheme"
    assert not part.exists()


@pytest.mark.parametrize(
    "uri",
    [
        "nfs://127.0.0.1/export",
        "nfs://127.0.0.1/export/a?export=/other",
        "nfs://127.0.0.1/export/a?export=/export&debug=9",
        "file:///etc/passwd",
    ],
)
async def test_what_is_no_grant_of_one_file_is_refused(transport: NfsTransport, uri: str) -> None:
    with pytest.raises(GrantRefused):
        await transport.open_reader(Grant(uri=SecretStr(uri), expires=soon()), ReadShape())


async def test_a_host_with_libnfs_says_so() -> None:
    able = await KvmHypervisor(HypervisorSettings()).abilities()
    assert "nfs" in able.reads
    assert "nfs" in able.writes
