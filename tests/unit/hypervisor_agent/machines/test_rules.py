"""The pure rules of machines: room, phases, names, arguments."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from ipaddress import IPv4Network
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypervisor_agent.machines import host
from hypervisor_agent.machines.domains import Shape, domain_of, uuid_of
from hypervisor_agent.machines.health import Health, Patience
from hypervisor_agent.machines.image import Image, arguments
from hypervisor_agent.machines.record import CONSOLE, Shelf, VmRecord
from hypervisor_agent.machines.rooms import HostRoom, check_disk, check_room, free_address
from hypervisor_agent.machines.runner import Vm
from hypervisor_agent.machines.taps import mac_of, tap_of
from stowage_contracts.caching import MEBI, VmPhase, VmSpec
from stowage_contracts.errors import InvalidInput, NotFound, OutOfSpace, Unavailable
from stowage_contracts.plugins.machines import MachineSettings

SPEC = VmSpec(memory_bytes=128 * MEBI, disk_bytes=64 * MEBI)
PATIENCE = Patience(start_seconds=60, unwell_seconds=10)
SILENT = Unavailable("silent").problem


def record(vm_id: str, address: str = "") -> VmRecord:
    return VmRecord(
        vm_id=vm_id,
        fleet_id="f",
        spec=SPEC,
        ordered=datetime.now(UTC),
        address=address,
        disk_bytes=SPEC.disk_bytes,
    )


def settings(**facts: object) -> MachineSettings:
    return MachineSettings.model_validate({"folder": "/v", "image": "/i", "slots": 9, **facts})


@pytest.mark.parametrize(
    ("told", "room", "code"),
    [
        ({"slots": 1}, HostRoom(), "slots"),
        ({"memory_bytes": 255 * MEBI}, HostRoom(), "memory"),
        ({}, HostRoom(memory=127 * MEBI), "memory"),
        ({"disk_bytes": 127 * MEBI}, HostRoom(), "disk"),
        ({}, HostRoom(disk=63 * MEBI), "disk"),
        ({}, HostRoom(disk=-MEBI), "disk"),
    ],
)
def test_what_does_not_fit_is_named(told: dict[str, int], room: HostRoom, code: str) -> None:
    with pytest.raises(OutOfSpace) as caught:
        check_room(settings(**told), [record("one")], SPEC, room)
    assert caught.value.code == f"out_of_space.{code}"
    assert caught.value.hint


def test_what_just_fits_is_let_in() -> None:
    told = settings(slots=2, memory_bytes=256 * MEBI, disk_bytes=128 * MEBI)
    room = HostRoom(disk=64 * MEBI, memory=128 * MEBI)
    check_room(told, [record("one")], SPEC, room)
    check_disk(told, [record("one")], 64 * MEBI, room)


def test_each_vm_has_an_address_of_its_own_until_there_are_none() -> None:
    told = settings(addresses=("10.0.0.1/24", "10.0.0.2/24"))
    there = [record("one", "10.0.0.1/24")]
    assert free_address(told, there) == "10.0.0.2/24"
    with pytest.raises(OutOfSpace) as caught:
        free_address(told, [*there, record("two", "10.0.0.2/24")])
    assert caught.value.code == "out_of_space.address"


def test_a_vm_is_unwell_only_after_it_was_silent_for_long() -> None:
    now = [100.0]
    health = Health(lambda: now[0])
    assert health.phase(False, 59, PATIENCE) is VmPhase.STARTING
    assert health.phase(False, 61, PATIENCE) is VmPhase.UNWELL
    health.answered()
    assert health.phase(True, 61, PATIENCE) is VmPhase.READY
    health.failed(SILENT, 100.0)
    now[0] = 109.0
    health.failed(SILENT, 108.0)
    assert health.phase(True, 70, PATIENCE) is VmPhase.READY
    now[0] = 111.0
    assert health.phase(True, 72, PATIENCE) is VmPhase.UNWELL
    health.answered()
    assert (health.phase(True, 73, PATIENCE), health.error) == (VmPhase.READY, None)


def test_names_of_interfaces_fit_and_addresses_keep_their_mac() -> None:
    assert len(tap_of("x" * 64)) <= 15
    assert tap_of("one") != tap_of("two")
    assert mac_of("10.0.0.1/24").startswith("52:54:00:")
    assert mac_of("10.0.0.1/24") != mac_of("10.0.0.2/24")


def image_in(folder: Path) -> Image:
    manifest = {"export": "/export", "ports": {"nfs": 2049, "mountd": 20048}}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "kernel").touch()
    return Image.load(str(folder), ("kernel",))


def test_an_image_is_whole_or_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        Image.load(str(tmp_path), ())
    image = image_in(tmp_path)
    assert image.url("10.0.0.1/24").startswith("nfs://10.0.0.1/export?")
    assert image.url("fd00::1/64").startswith("nfs://[fd00::1]/export?")
    with pytest.raises(NotFound):
        Image.load(str(tmp_path), ("kernel", "initrd"))


def test_only_the_host_and_those_named_may_mount() -> None:
    spec = SPEC.model_copy(update={"clients": (IPv4Network("10.1.0.0/16"),)})
    told = arguments("127.0.0.9/8", spec, "127.0.0.1")
    assert told == (
        "stowage.address=127.0.0.9/8",
        "stowage.clients=10.1.0.0/16,127.0.0.1",
        "stowage.gateway=127.0.0.1",
    )
    many = tuple(IPv4Network(f"10.{n}.0.0/16") for n in range(250))
    with pytest.raises(InvalidInput):
        arguments("127.0.0.9/8", SPEC.model_copy(update={"clients": many}), "")


def test_a_domain_says_all_and_is_always_the_same_one(tmp_path: Path) -> None:
    vm = Vm(record("one", "10.0.0.1/24"), tmp_path / "a&b", image_in(tmp_path), ("x=<1>",))
    domain = ElementTree.fromstring(domain_of(vm, Shape("br0", kvm=False, processors=2)))
    assert domain.get("type") == "qemu"
    assert UUID(domain.findtext("uuid", "")) == uuid_of("one")
    assert domain.findtext("os/cmdline", "").endswith("x=<1>")
    source = domain.find("devices/disk/source")
    assert source is not None
    assert source.get("file") == vm.disk
    fast = ElementTree.fromstring(domain_of(vm, Shape("br0", kvm=True, processors=2)))
    assert fast.get("type") == "kvm"


def test_a_console_is_kept_short_and_its_fault_is_found(tmp_path: Path) -> None:
    assert host.last_words(tmp_path) == ""
    console = tmp_path / CONSOLE
    console.write_bytes(b"boots\nstowage-vm 1.0 fault no disk\x1b[0m\nreboot: halted\n")
    assert host.last_words(tmp_path) == "stowage-vm 1.0 fault no disk[0m"
    console.write_bytes(bytes(host.CONSOLE_MOST + 1))
    host.trim_console(tmp_path)
    assert console.stat().st_size == 0


def test_a_record_is_the_last_thing_to_go(tmp_path: Path) -> None:
    shelf = Shelf(str(tmp_path / "vms"))
    shelf.put(record("one"))
    host.make_disk(shelf.folder("one"), MEBI)
    (shelf.folder("one") / "sub").mkdir()
    host.grow_disk(shelf.folder("one"), 2 * MEBI)
    host.grow_disk(shelf.folder("one"), MEBI)
    assert (shelf.folder("one") / "data.img").stat().st_size == 2 * MEBI
    assert host.disk_used(shelf.folder("one")) == 0
    assert [each.vm_id for each in shelf.all()] == ["one"]
    shelf.remove("one")
    shelf.remove("one")
    assert list(shelf.root.iterdir()) == []
