"""What can go wrong with real VMs and their host: it is told, stalls nobody and leaves nothing."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypervisor_agent.machines.confined import TUN
from hypervisor_agent.machines.processes import of_folder
from hypervisor_agent.machines.record import DISK, RECORD, VmRecord
from hypervisor_agent.machines.uml import UmlMachines
from stowage_contracts.caching import MEBI, VmFacts, VmPhase
from stowage_contracts.errors import NotFound, OutOfSpace, Retry, Unavailable
from stowage_contracts.testing.machines_suite import SPEC

from tests.integration.hypervisor_agent.vm_host import settings_in, taps
from tests.servers.transport_vms import TransportVms

Made = Callable[..., UmlMachines]


@pytest.fixture
async def make(transport_vms: TransportVms, tmp_path: Path) -> AsyncIterator[Made]:
    """Machines of one folder, one after the other; no VM outlives the test."""
    made: list[UmlMachines] = []

    def machines(folder: Path = tmp_path / "vms", **options: object) -> UmlMachines:
        made.append(UmlMachines(settings_in(transport_vms, folder, **options)))
        return made[-1]

    yield machines
    for each in made:
        for facts in await each.seen():
            await each.destroy(facts.vm_id)
        await each.aclose()
    assert taps(transport_vms) == ""


async def until(machines: UmlMachines, phase: VmPhase, vm_id: str = "one") -> VmFacts:
    """Its facts, once it is in that phase."""
    async with asyncio.timeout(60):
        while True:
            found = {facts.vm_id: facts for facts in await machines.seen()}
            if found[vm_id].phase is phase:
                return found[vm_id]
            await asyncio.sleep(0.02)


async def gone(machines: UmlMachines, folder: Path) -> None:
    """Nothing of it is left."""
    await machines.destroy(folder.name)
    assert await machines.seen() == ()
    assert of_folder(folder) == ()
    assert not folder.exists()


def to_kernel(folder: Path, number: signal.Signals) -> None:
    """To the first process of the VM: all others are its own."""
    os.kill(of_folder(folder)[1].pid, number)


async def test_a_killed_vm_has_failed_until_it_is_destroyed(make: Made, tmp_path: Path) -> None:
    machines, folder = make(), tmp_path / "vms/one"
    await machines.spawn("one", "fleet", SPEC)
    await until(machines, VmPhase.READY)
    to_kernel(folder, signal.SIGKILL)
    failed = await until(machines, VmPhase.FAILED)
    assert failed.error is not None
    assert failed.error.code == "unavailable.vm_ended"
    assert failed.memory_bytes == 0
    again = await machines.spawn("one", "fleet", SPEC)
    assert again.phase is VmPhase.FAILED
    await gone(machines, folder)


async def test_a_vm_that_stops_answering_is_unwell_and_holds_up_no_other(
    make: Made, tmp_path: Path
) -> None:
    machines = make(unwell_seconds=0.5, probe_seconds=2.0)
    for vm_id in ("one", "two"):
        await machines.spawn(vm_id, "fleet", SPEC)
    for vm_id in ("one", "two"):
        await until(machines, VmPhase.READY, vm_id)
    to_kernel(tmp_path / "vms/one", signal.SIGSTOP)
    unwell = await until(machines, VmPhase.UNWELL)
    assert unwell.error is not None
    assert unwell.error.retry is Retry.AGAIN
    assert (await until(machines, VmPhase.READY, "two")).error is None
    to_kernel(tmp_path / "vms/one", signal.SIGCONT)
    assert (await until(machines, VmPhase.READY)).error is None
    to_kernel(tmp_path / "vms/one", signal.SIGSTOP)
    await machines.destroy("one")
    assert [facts.vm_id for facts in await machines.seen()] == ["two"]


async def test_a_vm_that_never_serves_becomes_unwell(make: Made, tmp_path: Path) -> None:
    asleep = ("rdinit=/bin/sleep", "--", "3600")
    machines = make(kernel_arguments=asleep, start_seconds=2.0)
    begun = await machines.spawn("one", "fleet", SPEC)
    assert begun.phase is VmPhase.STARTING
    unwell = await until(machines, VmPhase.UNWELL)
    assert (unwell.url, unwell.boot_seconds) == ("", None)
    await gone(machines, tmp_path / "vms/one")


async def test_why_a_vm_ended_is_read_from_its_console(make: Made, tmp_path: Path) -> None:
    machines = make(kernel_arguments=("stowage.colour=red",))
    await machines.spawn("one", "fleet", SPEC)
    failed = await until(machines, VmPhase.FAILED)
    assert failed.error is not None
    assert "unknown argument stowage.colour" in failed.error.cause
    await gone(machines, tmp_path / "vms/one")


async def test_a_vm_whose_maker_died_before_it_noted_it_is_adopted(
    make: Made, tmp_path: Path
) -> None:
    first, file = make(), tmp_path / "vms/one" / RECORD
    await first.spawn("one", "fleet", SPEC)
    record = VmRecord.model_validate_json(file.read_bytes())
    forgotten = record.model_copy(update={"started": False, "process": None})
    file.write_text(forgotten.model_dump_json())
    second = make()
    assert (await second.seen())[0].phase is VmPhase.STARTING
    assert VmRecord.model_validate_json(file.read_bytes()).process == record.process
    await gone(second, tmp_path / "vms/one")


async def test_a_vm_whose_maker_died_before_it_ran_has_failed_and_is_made_anew_when_ordered(
    make: Made, tmp_path: Path
) -> None:
    first, folder = make(), tmp_path / "vms/one"
    await first.spawn("one", "fleet", SPEC)
    to_kernel(folder, signal.SIGKILL)
    await until(first, VmPhase.FAILED)
    file = folder / RECORD
    record = VmRecord.model_validate_json(file.read_bytes())
    half = record.model_copy(update={"started": False, "process": None})
    file.write_text(half.model_dump_json())
    second = make()
    await until(second, VmPhase.FAILED)
    assert (await second.spawn("one", "fleet", SPEC)).phase is VmPhase.STARTING
    assert len(await second.seen()) == 1
    await gone(second, folder)


async def test_a_pid_given_to_another_process_is_not_taken_for_the_vm(
    make: Made, tmp_path: Path
) -> None:
    first, folder = make(), tmp_path / "vms/one"
    await first.spawn("one", "fleet", SPEC)
    file = folder / RECORD
    record = VmRecord.model_validate_json(file.read_bytes())
    assert record.process is not None
    other = record.process.model_copy(update={"pid": os.getpid()})
    file.write_text(record.model_copy(update={"process": other}).model_dump_json())
    second = make()
    assert (await second.seen())[0].phase is VmPhase.FAILED
    await gone(second, folder)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "none", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


async def test_a_host_without_room_promises_no_disk(make: Made, small_disk: Path) -> None:
    machines = make(small_disk / "vms", overcommit=1)
    with pytest.raises(OutOfSpace) as caught:
        await machines.spawn("one", "fleet", SPEC)
    assert caught.value.hint
    assert await machines.seen() == ()
    assert list((small_disk / "vms").iterdir()) == []


async def test_a_host_whose_disk_is_full_says_so_and_keeps_nothing(
    make: Made, small_disk: Path, transport_vms: TransportVms
) -> None:
    (small_disk / "vms").mkdir()
    machines = make(small_disk / "vms")
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filling").write_bytes(bytes(9 * MEBI))
    with pytest.raises(OutOfSpace) as caught:
        await machines.spawn("one", "fleet", SPEC.model_copy(update={"disk_bytes": 16 * MEBI}))
    assert caught.value.hint
    assert list((small_disk / "vms").iterdir()) == []
    assert taps(transport_vms) == ""


async def test_a_vm_is_confined(make: Made, tmp_path: Path) -> None:
    machines, folder = make(), tmp_path / "vms/one"
    await machines.spawn("one", "fleet", SPEC)
    outer, *inner = of_folder(folder)
    assert inner
    for mark in inner:
        status = dict(
            row.split(":\t", 1)
            for row in Path(f"/proc/{mark.pid}/status").read_text().splitlines()
            if ":\t" in row
        )
        assert {status[name] for name in ("CapPrm", "CapEff", "CapBnd")} == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert len(status["NSpid"].split()) > 1
    assert (folder / DISK).stat().st_mode & 0o077 == 0
    assert os.getsid(outer.pid) != os.getsid(0)
    await gone(machines, folder)


async def test_a_user_of_its_own_needs_a_device_that_is_open_to_it(
    make: Made, tmp_path: Path
) -> None:
    if TUN.stat().st_mode & 0o006 == 0o006:
        machines, folder = make(user="nobody"), tmp_path / "vms/one"
        tmp_path.chmod(0o711)
        await machines.spawn("one", "fleet", SPEC)
        inner = of_folder(folder)[1]
        assert Path(f"/proc/{inner.pid}").stat().st_uid == pwd.getpwnam("nobody").pw_uid
        await gone(machines, folder)
    else:
        machines = make(user="nobody")
        with pytest.raises(Unavailable) as caught:
            await machines.spawn("one", "fleet", SPEC)
        assert caught.value.code == "unavailable.tun"
        assert await machines.seen() == ()


async def test_what_a_host_lacks_is_found_before_the_first_vm(
    transport_vms: TransportVms, tmp_path: Path
) -> None:
    told = settings_in(transport_vms, tmp_path / "vms")
    await UmlMachines(told).check()
    with pytest.raises(Unavailable, match="br9"):
        await UmlMachines(told.model_copy(update={"bridge": "br9"})).check()
    with pytest.raises(NotFound):
        await UmlMachines(told.model_copy(update={"image": str(tmp_path)})).check()


async def test_a_vm_whose_folder_was_deleted_is_ended_all_the_same(
    make: Made, tmp_path: Path
) -> None:
    machines, folder = make(), tmp_path / "vms/one"
    await machines.spawn("one", "fleet", SPEC)
    shutil.rmtree(folder)
    assert await machines.seen() == ()
    assert of_folder(folder) != ()
    await gone(machines, folder)
