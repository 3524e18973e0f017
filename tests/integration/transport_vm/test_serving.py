"""A transport VM serves those it was told of by NFS 3 and 4, and nobody else anything."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.integration.transport_vm.guest import MEBI, Boot, Guest
from tests.integration.transport_vm.rpc import Caller, Denied
from tests.servers.transport_vms import TransportVms

VM, STRANGER = 10, 2
MAY_NOT = 13
PORTS = {111, 2049, 20048, 32803}


@pytest.fixture(scope="module")
def guest(transport_vms: TransportVms, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """One that may be mounted from this machine's first address on its network, no other."""
    folder = tmp_path_factory.mktemp("vm")
    stranger = (f"{transport_vms.address(STRANGER)}/24", "dev", transport_vms.outside)
    subprocess.run(["ip", "address", "add", *stranger], check=True, timeout=10)
    told = f"stowage.address={transport_vms.address(VM)}/24"
    clients = f"stowage.clients={transport_vms.address(1)},192.0.2.0/24"
    with Boot(transport_vms, folder).disk_of(64 * MEBI).uml(told, clients) as guest:
        guest.said("ready")
        yield guest
    subprocess.run(["ip", "address", "del", *stranger], check=True, timeout=10)


@pytest.fixture
def friend(guest: Guest, transport_vms: TransportVms) -> Caller:
    return Caller(transport_vms.address(VM), transport_vms.address(1))


@pytest.fixture
def stranger(guest: Guest, transport_vms: TransportVms) -> Caller:
    return Caller(transport_vms.address(VM), transport_vms.address(STRANGER))


def test_it_answers_by_version_3(friend: Caller) -> None:
    status, handle = friend.mount(b"/export")
    assert (status, friend.getattr(handle)) == (0, 0)


@pytest.mark.parametrize("minor", [1, 2])
def test_it_answers_by_versions_4_1_and_4_2(friend: Caller, minor: int) -> None:
    assert friend.exchange_id(minor) == 0


def test_who_was_not_named_is_refused_the_mount(stranger: Caller) -> None:
    assert stranger.mount(b"/export") == (MAY_NOT, b"")


def test_a_file_handle_opens_nothing_to_who_was_not_named(friend: Caller, stranger: Caller) -> None:
    _, handle = friend.mount(b"/export")
    with pytest.raises(Denied):
        stranger.getattr(handle)


@pytest.mark.parametrize("path", [b"/data", b"/data/clients", b"/", b"/export/../data"])
def test_nothing_but_the_export_can_be_mounted(friend: Caller, path: bytes) -> None:
    status, _ = friend.mount(path)
    assert status != 0


def test_the_export_names_its_clients_and_nobody_else(
    friend: Caller, transport_vms: TransportVms
) -> None:
    told = friend.exports()
    assert transport_vms.address(1).encode() in told
    assert b"192.0.2.0" in told
    assert b"*" not in told


@pytest.mark.parametrize(
    "ports",
    [
        pytest.param([*range(1, 1024), 2049, 20048, 32803], id="known"),
        pytest.param(range(1024, 65536), id="others", marks=pytest.mark.slow),
    ],
)
async def test_nothing_listens_but_the_fixed_ports(friend: Caller, ports: Sequence[int]) -> None:
    room = asyncio.Semaphore(300)

    async def listens(port: int) -> bool:
        async with room:
            try:
                _, writer = await asyncio.wait_for(asyncio.open_connection(friend.server, port), 60)
            except ConnectionRefusedError:
                return False
            writer.close()
            return True

    found = await asyncio.gather(*(listens(port) for port in ports))
    heard = {port for port, heard in zip(ports, found, strict=True) if heard}
    assert heard == PORTS & set(ports)


def test_files_come_back_as_they_were_written(friend: Caller, tmp_path: Path) -> None:
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(bytes(range(256)) * 20_000)
    url = f"nfs://{friend.server}/export/file?version=3&nfsport=2049&mountport=20048"
    subprocess.run(["nfs-cp", sent, url], check=True, timeout=60, capture_output=True)
    subprocess.run(["nfs-cp", url, back], check=True, timeout=60, capture_output=True)
    assert back.read_bytes() == sent.read_bytes()


@pytest.mark.slow
def test_an_address_of_version_6_serves_as_well(
    transport_vms: TransportVms, tmp_path: Path
) -> None:
    here = ("fd00:57::1/64", "dev", transport_vms.outside)
    subprocess.run(["ip", "address", "add", *here, "nodad"], check=True, timeout=10)
    told = ("stowage.address=fd00:57::10/64", "stowage.clients=fd00:57::/64")
    with Boot(transport_vms, tmp_path).disk_of(64 * MEBI).uml(*told) as guest:
        guest.said("ready")
        for port in PORTS:
            socket.create_connection(("fd00:57::10", port), 20).close()
