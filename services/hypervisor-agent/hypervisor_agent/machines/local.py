"""Machines on this host: folders, disks, addresses and probes, around one way to run VMs."""

import asyncio
import errno
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from stowage_contracts.caching import VmFacts, VmPhase, VmSpec
from stowage_contracts.errors import InvalidInput, NotFound, OutOfSpace, Problem, Unavailable
from stowage_contracts.hosts import MachineAbilities
from stowage_contracts.plugins.machines import MachineSettings

from hypervisor_agent.machines import host
from hypervisor_agent.machines.image import Image, arguments
from hypervisor_agent.machines.probing import Probes
from hypervisor_agent.machines.record import Shelf, VmRecord
from hypervisor_agent.machines.rooms import HostRoom, check_disk, check_room, free_address
from hypervisor_agent.machines.runner import HostOptions, Runner, Vm


class LocalMachines:
    """VMs of one runner. Work on one VM is in order; only their admission waits for each other."""

    def __init__(self, settings: MachineSettings, runner: Runner, options: HostOptions) -> None:
        if not (settings.bridge and settings.addresses):
            raise InvalidInput(
                "transport VMs need a bridge and addresses",
                code="options",
                hint="set STOWAGE_AGENT_MACHINES_BRIDGE and STOWAGE_AGENT_MACHINES_ADDRESSES",
            )
        self._settings, self._runner, self._options = settings, runner, options
        self._shelf = Shelf(settings.folder)
        self._probes = Probes(options.probe_seconds)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._admission = asyncio.Lock()

    async def abilities(self) -> MachineAbilities:
        """What the settings allow; where they do not limit disks, what the folder's disk holds."""
        disk = self._settings.disk_bytes or await asyncio.to_thread(self._disk_in_all)
        return MachineAbilities(
            kind=self._runner.kind,
            slots=self._settings.slots,
            memory_bytes=self._settings.memory_bytes,
            disk_bytes=disk,
        )

    async def check(self) -> None:
        """What is missing here is found before the first VM is wanted. Raises StowageError."""
        await asyncio.to_thread(Image.load, self._settings.image, self._runner.files)
        await asyncio.to_thread(self._disk_in_all)
        await self._runner.check()

    async def spawn(self, vm_id: str, fleet_id: str, spec: VmSpec) -> VmFacts:
        """As the contract says."""
        async with self._lock(vm_id):
            record = await asyncio.to_thread(self._shelf.get, vm_id)
            if record is not None and record.started:
                return await self._facts(record)
            if record is not None:  # whoever made it ended before it was whole
                await self._clear(vm_id)
            image = await asyncio.to_thread(Image.load, self._settings.image, self._runner.files)
            try:
                record = await self._admit(vm_id, fleet_id, spec, image)
                return await self._facts(await self._started(record, image))
            except BaseException as error:
                await asyncio.shield(self._clear(vm_id))
                if isinstance(error, OSError):
                    raise _told(error, vm_id) from error
                raise

    async def seen(self) -> tuple[VmFacts, ...]:
        """As the contract says; an answer that takes longer than a second is told next time."""
        records = await asyncio.to_thread(self._shelf.all)
        running = {record.vm_id for record in records if await self._runs(record)}
        urls = {record.vm_id: record.url for record in records if record.vm_id in running}
        await self._probes.look(urls)
        return tuple([await self._noted(record, record.vm_id in running) for record in records])

    async def resize(self, vm_id: str, disk_bytes: int) -> VmFacts:
        """As the contract says."""
        async with self._lock(vm_id):
            record = await asyncio.to_thread(self._shelf.get, vm_id)
            if record is None:
                raise NotFound("no such VM", resource=f"transport_vm/{vm_id}", code="vm")
            if disk_bytes > record.disk_bytes:
                record = await self._grown(record, disk_bytes)
            return await self._facts(record)

    async def destroy(self, vm_id: str) -> None:
        """As the contract says."""
        async with self._lock(vm_id):
            await self._clear(vm_id)

    async def aclose(self) -> None:
        """As the contract says."""
        await self._probes.close()
        await self._runner.close()

    def _lock(self, vm_id: str) -> asyncio.Lock:
        """One for all who work on a VM, or wait to; it goes with the last of them."""
        return self._locks.setdefault(vm_id, asyncio.Lock())

    async def _admit(self, vm_id: str, fleet_id: str, spec: VmSpec, image: Image) -> VmRecord:
        async with self._admission:
            there = await asyncio.to_thread(self._shelf.all)
            check_room(self._settings, there, spec, await self._room(there))
            address = free_address(self._settings, there)
            record = VmRecord(
                vm_id=vm_id,
                fleet_id=fleet_id,
                spec=spec,
                ordered=datetime.now(UTC),
                address=address,
                url=image.url(address),
                disk_bytes=spec.disk_bytes,
            )
            await asyncio.to_thread(self._shelf.put, record)
            return record

    async def _room(self, there: tuple[VmRecord, ...]) -> HostRoom:
        held = [await self._runner.memory(record) for record in there]
        wanted = [record.spec.memory_bytes for record in there]
        to_come = sum(max(0, most - now) for most, now in zip(wanted, held, strict=True))
        disk = await asyncio.to_thread(host.disk_left, self._shelf, there, self._options.overcommit)
        return HostRoom(disk=disk, memory=self._runner.memory_free() - to_come)

    async def _started(self, record: VmRecord, image: Image) -> VmRecord:
        folder = self._shelf.folder(record.vm_id)
        await asyncio.to_thread(host.make_disk, folder, record.disk_bytes)
        told = arguments(record.address, record.spec, self._settings.gateway)
        vm = Vm(record, folder, image, (*told, *self._options.kernel_arguments))
        mark = await self._runner.start(vm)
        record = record.model_copy(update={"started": True, "process": mark})
        await asyncio.to_thread(self._shelf.put, record)
        return record

    async def _grown(self, record: VmRecord, disk_bytes: int) -> VmRecord:
        folder = self._shelf.folder(record.vm_id)
        async with self._admission:
            there = await asyncio.to_thread(self._shelf.all)
            more = disk_bytes - record.disk_bytes
            check_disk(self._settings, there, more, await self._room(there))
            await self._runner.grow(record, folder, disk_bytes)
            record = record.model_copy(update={"disk_bytes": disk_bytes})
            await asyncio.to_thread(self._shelf.put, record)
        return record

    async def _clear(self, vm_id: str) -> None:
        await self._runner.end(vm_id, self._shelf.folder(vm_id))
        await asyncio.to_thread(self._shelf.remove, vm_id)

    async def _runs(self, record: VmRecord) -> bool:
        if self._lock(record.vm_id).locked():
            return record.started and await self._runner.runs(record)
        if not record.started:
            return await self._adopted(record)
        return await self._runner.runs(record)

    async def _adopted(self, record: VmRecord) -> bool:
        """A VM whose maker ended before it could note that it runs."""
        async with self._lock(record.vm_id):
            whole = await self._runner.find(record, self._shelf.folder(record.vm_id))
            if whole is not None:
                await asyncio.to_thread(self._shelf.put, whole)
        return whole is not None

    async def _noted(self, record: VmRecord, running: bool) -> VmFacts:
        """Its facts, after its first answer was written down."""
        health = self._probes.health(record.vm_id)
        lock = self._lock(record.vm_id)
        if running and health.served and record.boot_seconds is None and not lock.locked():
            async with lock:
                current = await asyncio.to_thread(self._shelf.get, record.vm_id)
                if current is not None:
                    record = current.model_copy(update={"boot_seconds": _age(current)})
                    await asyncio.to_thread(self._shelf.put, record)
        return await self._facts(record, running)

    async def _facts(self, record: VmRecord, running: bool | None = None) -> VmFacts:
        folder = self._shelf.folder(record.vm_id)
        runs = await self._runner.runs(record) if running is None else running
        making = self._lock(record.vm_id).locked() and not record.started
        phase, error = self._phase(record, runs or making)
        await asyncio.to_thread(host.trim_console, folder)
        served = record.boot_seconds is not None
        return VmFacts(
            vm_id=record.vm_id,
            fleet_id=record.fleet_id,
            phase=phase,
            url=record.url if served else "",
            memory_bytes=await self._runner.memory(record) if runs else 0,
            disk_bytes=record.disk_bytes,
            disk_used_bytes=await asyncio.to_thread(host.disk_used, folder),
            started=record.ordered,
            boot_seconds=record.boot_seconds,
            error=error,
        )

    def _phase(self, record: VmRecord, runs: bool) -> tuple[VmPhase, Problem | None]:
        if not runs:
            words = host.last_words(self._shelf.folder(record.vm_id))
            cause = f"the VM ended; its console says: {words}" if words else "the VM ended"
            resource = f"transport_vm/{record.vm_id}"
            return VmPhase.FAILED, Unavailable(cause, resource=resource, code="vm_ended").problem
        health = self._probes.health(record.vm_id)
        served = record.boot_seconds is not None
        phase = health.phase(served, _age(record), self._options)
        return phase, health.error if phase is VmPhase.UNWELL else None

    def _disk_in_all(self) -> int:
        there = self._shelf.all()
        left = host.disk_left(self._shelf, there, self._options.overcommit)
        return max(0, left + sum(record.disk_bytes for record in there))


def _age(record: VmRecord) -> float:
    return max(0.0, (datetime.now(UTC) - record.ordered).total_seconds())


def _told(error: OSError, vm_id: str) -> OutOfSpace | Unavailable:
    resource = f"transport_vm/{vm_id}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "free space under STOWAGE_AGENT_MACHINES_FOLDER"
        return OutOfSpace("the host's disk is full", resource=resource, hint=hint, code="disk")
    cause = f"{error.filename or 'the host'}: {error.strerror}"
    return Unavailable(cause, resource=resource, code="host")
