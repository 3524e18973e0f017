"""Where the kernel has the export mounted, store and agent work through that mount."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from hypervisor_agent.transports.file_reader import FileReader
from hypervisor_agent.transports.file_writer import FileWriter
from hypervisor_agent.transports.nfs import NfsTransport
from stowage_contracts.errors import Unavailable
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.plugins.image_store_driver import CommitAsk, WriteAsk
from stowage_contracts.plugins.transport import ReadShape, TransportSettings, WriteShape
from stowage_stores.directory import DirectoryDriver
from stowage_stores.nfs.calls import Calls
from stowage_stores.nfs.url import NfsUrl
from stowage_stores.nfs.worker import MountedFiles

URL = NfsUrl.parse("nfs://filer/export/images?uid=7&gid=8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted" / "images"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def table(tmp_path: Path, root: Path) -> Path:
    file = tmp_path / "mountinfo"
    file.write_text(f"30 22 0:40 / {root.parent} rw - nfs4 filer:/export rw,addr=10.0.0.5\n")
    return file


@pytest.fixture
def calls(root: Path, table: Path) -> Calls:
    driver = DirectoryDriver(str(root), mounted=True, files=MountedFiles(URL, table))
    return Calls(driver, URL, PurePosixPath(root))


async def asked(calls: Calls, call: str, value: Any) -> Any:
    return await calls.table[call](value)


async def no_parts(first_part: int, count: int) -> tuple[PartUrl, ...]:
    raise AssertionError("a file has no part URLs")


async def test_a_grant_made_on_a_mount_is_a_url_that_an_agent_opens_on_its_own(
    calls: Calls, root: Path, table: Path
) -> None:
    ask = WriteAsk(key="a/b c", writer="hop-1.1", size=3, seconds=60).model_dump(mode="json")
    grant = Grant.model_validate(await asked(calls, "write", ask))
    assert grant.uri is not None
    assert NfsUrl.parse(grant.uri.get_secret_value()).export == URL.export
    transport = NfsTransport(TransportSettings(), table)
    writer = await transport.open_writer(grant, WriteShape(size=3), no_parts)
    assert isinstance(writer, FileWriter)
    await writer.write(0, memoryview(bytearray(b"abc")))
    await writer.finish()
    await writer.close()
    commit = CommitAsk(key="a/b c", writer="hop-1.1", size=3).model_dump(mode="json")
    await asked(calls, "commit", commit)
    assert (root / "a/b c").read_bytes() == b"abc"
    read = Grant.model_validate(await asked(calls, "read", {"key": "a/b c", "seconds": 60}))
    reader = await transport.open_reader(read, ReadShape())
    assert isinstance(reader, FileReader)
    await reader.close()


async def test_once_it_is_unmounted_nothing_is_written_below(
    calls: Calls, root: Path, table: Path
) -> None:
    table.write_text("")
    ask = WriteAsk(key="a", writer="hop-1.1", size=3, seconds=60).model_dump(mode="json")
    with pytest.raises(Unavailable):
        await asked(calls, "write", ask)
    assert list(root.iterdir()) == []


async def test_more_listings_than_are_kept_end_in_a_code(calls: Calls) -> None:
    first = await asked(calls, "list", "")
    for _ in range(8):
        await asked(calls, "list", "")
    with pytest.raises(Unavailable) as caught:
        await asked(calls, "next", first)
    assert caught.value.code == "unavailable.busy"
