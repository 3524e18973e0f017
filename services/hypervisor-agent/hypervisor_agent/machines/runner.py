"""What differs between the ways to run a VM on this host; all else they have in common."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import ConfigDict, Field, ValidationError
from stowage_contracts.errors import InvalidInput

from hypervisor_agent.machines.health import Patience
from hypervisor_agent.machines.image import Image
from hypervisor_agent.machines.record import DISK, ProcessMark, VmRecord


class HostOptions(Patience):
    """Options all of them take."""

    model_config = ConfigDict(extra="forbid")

    overcommit: float = Field(1.0, ge=1, le=100)
    """Data disks may be promised so many times what the folder's disk holds."""
    kernel_arguments: tuple[str, ...] = ()
    """After those the VM's init takes."""


O = TypeVar("O", bound=HostOptions)  # noqa: E741


@dataclass(frozen=True)
class Vm:
    """One VM to be started."""

    record: VmRecord
    folder: Path
    image: Image
    arguments: tuple[str, ...]
    """For its kernel."""

    @property
    def disk(self) -> str:
        """Its data disk."""
        return str(self.folder / DISK)

    @property
    def mebibytes(self) -> int:
        """Of memory."""
        return self.record.spec.memory_bytes >> 20


class Runner(Protocol):
    """One way to run VMs whose folders, disks and addresses others look after."""

    kind: str
    files: tuple[str, ...]
    """Of the image, which it can't do without."""

    async def check(self) -> None:
        """Whether it could start a VM. Raises StowageError, which says what is missing."""
        ...

    def memory_free(self) -> int:
        """Bytes of the host that VMs could still take."""
        ...

    async def start(self, vm: Vm) -> ProcessMark | None:
        """Its process, where that is ours. Raises Unavailable; something of it may be left."""
        ...

    async def find(self, record: VmRecord, folder: Path) -> VmRecord | None:
        """The whole record of a VM that runs, whose start nobody saw the end of."""
        ...

    async def runs(self, record: VmRecord) -> bool:
        """Whether it does."""
        ...

    async def memory(self, record: VmRecord) -> int:
        """Bytes it holds on the host."""
        ...

    async def grow(self, record: VmRecord, folder: Path, disk_bytes: int) -> None:
        """Give a running VM a bigger disk. Raises InvalidInput, Unavailable."""
        ...

    async def end(self, vm_id: str, folder: Path) -> None:
        """Returns once no process and no interface of it is left. Raises Unavailable."""
        ...

    async def close(self) -> None:
        """Let go of everything but the VMs."""
        ...


def options_of(kind: type[O], told: dict[str, Any]) -> O:
    """Raises InvalidInput, which names what is wrong."""
    try:
        return kind.model_validate(told)
    except ValidationError as error:
        rows = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInput(
            rows, resource="STOWAGE_AGENT_MACHINES_OPTIONS", code="options"
        ) from None
