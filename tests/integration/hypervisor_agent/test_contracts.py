"""The built-in transports, pools and hypervisors keep the suites strangers must keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypervisor_agent.hypervisors.fake import FakeHypervisor
from hypervisor_agent.hypervisors.kvm import KvmHypervisor
from hypervisor_agent.hypervisors.plain import PlainMover
from hypervisor_agent.primary.directory import DirectoryPool
from hypervisor_agent.transports.file import FileTransport
from hypervisor_agent.transports.http import HttpTransport
from pydantic import SecretStr
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.plugins.hypervisor import Hypervisor, HypervisorSettings, PoolSettings
from stowage_contracts.plugins.image_store_driver import CommitAsk, ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource, TransportSettings
from stowage_contracts.testing.grant_client import client_for
from stowage_contracts.testing.hypervisor_suite import HypervisorSuite
from stowage_contracts.testing.primary_store_suite import PrimaryStoreSuite
from stowage_contracts.testing.store_hand import Hand, receipt_of
from stowage_contracts.testing.transport_suite import TransportSuite
from stowage_contracts.values import ImageFormat
from stowage_stores.s3 import S3Driver, S3Provider, S3Settings

from tests.integration.hypervisor_agent.kit import file_grant
from tests.servers.s3 import S3Server


class TestDirectoryPool(PrimaryStoreSuite):
    @pytest.fixture
    def driver(self, tmp_path: Path) -> DirectoryPool:
        return DirectoryPool(PoolSettings(id="p1", name="local", root=str(tmp_path)))


class Hosts(HypervisorSuite):
    """With one pool that is there and one that isn't."""

    @pytest.fixture
    def settings(self, tmp_path: Path) -> HypervisorSettings:
        there, away = tmp_path / "there", tmp_path / "away"
        there.mkdir()
        pools = (
            PoolSettings(id="p1", name="there", root=str(there)),
            PoolSettings(id="p2", name="away", root=str(away)),
        )
        return HypervisorSettings(pools=pools, roots=(str(tmp_path / "nfs"),), slots=3)


class TestKvm(Hosts):
    @pytest.fixture
    def hypervisor(self, settings: HypervisorSettings) -> Hypervisor:
        return KvmHypervisor(settings)


class TestPlainMover(Hosts):
    @pytest.fixture
    def hypervisor(self, settings: HypervisorSettings) -> Hypervisor:
        return PlainMover(settings)


class TestFake(Hosts):
    @pytest.fixture
    def hypervisor(self, settings: HypervisorSettings) -> Hypervisor:
        options = {"kind": "XenServer", "reads": ["file"], "convert": ["raw", "qcow2"]}
        return FakeHypervisor(settings.model_copy(update={"options": options}))

    async def test_it_is_what_it_was_told_to_be(self, hypervisor: Hypervisor) -> None:
        able = await hypervisor.abilities()
        assert able.hypervisor == "XenServer"
        assert able.reads == ("file",)
        assert able.convert == (ImageFormat.RAW, ImageFormat.QCOW2)


class TestFakeThatMoves(Hosts):
    @pytest.fixture
    def hypervisor(self, settings: HypervisorSettings) -> Hypervisor:
        return FakeHypervisor(settings.model_copy(update={"options": {"moves": True}}))


class FileEnd:
    """A folder as source and sink."""

    def __init__(self, root: Path) -> None:
        self._root = root
        (root / ".stowage").mkdir(exist_ok=True)

    async def put(self, data: bytes) -> Grant:
        path = self._root / "source"
        path.write_bytes(data)
        return file_grant(path)

    async def grant(self, size: int | None) -> Grant:
        return file_grant(self._part, writes=True)

    @property
    def parts(self) -> PartSource:
        return self._no_parts

    async def content(self, size: int) -> bytes:
        return self._part.read_bytes()

    @property
    def _part(self) -> Path:
        return self._root / ".stowage" / "h1.1.part"

    async def _no_parts(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        raise AssertionError("a file has no part URLs")


class TestFileTransport(TransportSuite):
    @pytest.fixture
    def transport(self, tmp_path: Path) -> FileTransport:
        return FileTransport(TransportSettings(roots=(str(tmp_path),)))

    @pytest.fixture
    def source(self, tmp_path: Path) -> FileEnd:
        return FileEnd(tmp_path)

    @pytest.fixture
    def sink(self, tmp_path: Path) -> FileEnd:
        return FileEnd(tmp_path)


class S3End:
    """A bucket as source and sink; each size is an object of its own."""

    def __init__(self, driver: S3Driver) -> None:
        self._driver = driver
        self._sessions: dict[int | None, str] = {}
        self._size: int | None = 0

    async def put(self, data: bytes) -> Grant:
        await Hand(self._driver, client_for("http")).put("source", data)
        return await self._driver.grant(ReadAsk(key="source", seconds=60))

    async def grant(self, size: int | None) -> Grant:
        self._size = size
        grant = await self._driver.grant(self._ask(1, 0))
        self._sessions[size] = grant.session
        return grant

    @property
    def parts(self) -> PartSource:
        return self._more

    async def content(self, size: int) -> bytes:
        receipt = receipt_of(b"").model_copy(update={"size": size})
        known = size if size in self._sessions else None
        session = self._sessions[known]
        key = f"sink-{known}"
        await self._driver.commit(
            CommitAsk(key=key, writer="h1.1", session=session, size=receipt.size)
        )
        return await Hand(self._driver, client_for("http")).get(key)

    async def _more(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        return (await self._driver.grant(self._ask(first_part, count))).parts

    def _ask(self, first_part: int, count: int) -> WriteAsk:
        return WriteAsk(
            key=f"sink-{self._size}",
            writer="h1.1",
            size=self._size,
            seconds=60,
            session=self._sessions.get(self._size, ""),
            first_part=first_part,
            part_count=count,
        )


class TestHttpTransport(TransportSuite):
    @pytest.fixture
    def transport(self) -> HttpTransport:
        return HttpTransport(TransportSettings())

    @pytest.fixture
    async def bucket(self, s3_server: S3Server, s3_bucket: str) -> AsyncIterator[S3End]:
        settings = S3Settings(
            endpoint=s3_server.endpoint,
            bucket=s3_bucket,
            region=s3_server.region,
            access_key=s3_server.access_key,
            secret_key=SecretStr(s3_server.secret_key),
            part_bytes=8 << 20,
        )
        driver = S3Provider().open(settings)
        yield S3End(driver)
        await driver.aclose()

    @pytest.fixture
    def source(self, bucket: S3End) -> S3End:
        return bucket

    @pytest.fixture
    def sink(self, bucket: S3End) -> S3End:
        return bucket
