"""What a transport VM does with its disk: formats, keeps, grows with it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.transport_vm.guest import MEBI, Boot
from tests.integration.transport_vm.rpc import Caller

VM = 20


def arguments(boot: Boot) -> tuple[str, str]:
    told = f"stowage.address={boot.host.address(VM)}/24"
    return told, f"stowage.clients={boot.host.network}"


def url(boot: Boot, name: str) -> str:
    where = f"{boot.host.address(VM)}/export/{name}"
    return f"nfs://{where}?version=3&nfsport=2049&mountport=20048"


def copy(source: Path | str, target: Path | str) -> None:
    subprocess.run(["nfs-cp", source, target], check=True, timeout=60, capture_output=True)


def test_data_and_file_handles_outlive_a_killed_vm(boot: Boot, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(8 * MEBI))
    with boot.uml(*arguments(boot)) as guest:
        assert "disk=ubda" in guest.said("formatted")
        guest.said("ready")
        copy(sent, url(boot, "file"))
        _, handle = Caller(boot.host.address(VM)).mount(b"/export")
    with boot.uml(*arguments(boot)) as guest:
        guest.said("ready")
        assert "formatted" not in guest.console.read_text()
        assert Caller(boot.host.address(VM)).getattr(handle) == 0
        copy(url(boot, "file"), back)
    assert back.read_bytes() == sent.read_bytes()


def test_a_blank_disk_stays_sparse(boot: Boot) -> None:
    boot = boot.disk_of(32 << 30)
    assert boot.disk
    with boot.uml(*arguments(boot)) as guest:
        guest.said("ready")
        assert boot.disk.stat().st_blocks * 512 < 16 * MEBI


def test_a_disk_of_somebody_else_is_left_alone(boot: Boot) -> None:
    assert boot.disk
    boot.disk.write_bytes(b"somebody's data".ljust(MEBI, b"\0") + bytes(63 * MEBI))
    before = hashlib.sha256(boot.disk.read_bytes()).hexdigest()
    with boot.uml(*arguments(boot)) as guest:
        assert "no data disk" in guest.said("fault")
        guest.ends()
    assert hashlib.sha256(boot.disk.read_bytes()).hexdigest() == before


@pytest.mark.slow
@pytest.mark.usefixtures("qemu")
async def test_a_disk_that_grows_is_used_while_it_serves(boot: Boot, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(100 * MEBI))
    with boot.qemu(*arguments(boot), options=boot.kernel()) as guest:
        await asyncio.to_thread(guest.said, "ready", 110)
        await grow(tmp_path / "qmp", 256 * MEBI)
        await asyncio.to_thread(guest.said, f"bytes={256 * MEBI}")
        await asyncio.to_thread(copy, sent, url(boot, "file"))
        await asyncio.to_thread(copy, url(boot, "file"), back)
    assert back.read_bytes() == sent.read_bytes()


async def grow(socket: Path, size: int) -> None:
    """Tell QEMU that the disk has that many bytes now."""
    reader, writer = await asyncio.open_unix_connection(socket)
    resize = {"execute": "block_resize", "arguments": {"device": "data", "size": size}}
    assert "QMP" in json.loads(await reader.readline())
    for order in ({"execute": "qmp_capabilities"}, resize):
        writer.write(json.dumps(order).encode())
        assert json.loads(await reader.readline()) == {"return": {}}
    writer.close()
    await writer.wait_closed()
