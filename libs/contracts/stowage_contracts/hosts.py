"""What a host's agent declares of itself: abilities and primary pools."""

from pathlib import PurePosixPath
from typing import Annotated

from pydantic import Field

from stowage_contracts.errors import Problem
from stowage_contracts.values import Bytes, HypervisorKind, Id, ImageFormat, Name, Value


class PoolView(Value):
    """A primary storage pool as its agent sees it."""

    id: Id
    name: Name
    provider: str
    root: str = ""
    formats: tuple[ImageFormat, ...]
    can: tuple[str, ...] = ()
    """``reflink``: its file system was seen to share blocks; ``overlay``: its host makes qcow2
    files that stand on others."""
    install: str = ""
    """TemplateInstallStrategy the operator wants here; empty lets the best one win."""
    total_bytes: Bytes
    free_bytes: Bytes
    error: Problem | None = None
    """Why it is not used, as the owner of stores says it; an agent says nothing here."""


class MachineAbilities(Value):
    """What a host can run transport VMs with."""

    kind: str
    """Entry-point name of its Machines plug-in: qemu, uml, libvirt…"""
    slots: Annotated[int, Field(ge=0, le=1000)] = 1
    """VMs at once."""
    memory_bytes: Bytes = 0
    """For all of them together; 0 is not limited."""
    disk_bytes: Bytes = 0
    """For all data disks together; 0 is not limited."""


class HostAbilities(Value):
    """What an agent declares of itself; planning believes nothing else."""

    hypervisor: HypervisorKind
    reads: tuple[str, ...]
    """Schemes it can read grants of."""
    writes: tuple[str, ...]
    """Schemes it can write grants of."""
    roots: tuple[str, ...] = ()
    """Directories it may open for ``file`` grants."""
    fetch: bool = False
    """May open user-given URLs through the guarded fetcher."""
    inspect: tuple[ImageFormat, ...] = ()
    """Formats its gate can judge."""
    convert: tuple[ImageFormat, ...] = ()
    """Formats it can convert between on local files."""
    door: str = ""
    """Base URL at which it serves links to objects on stores without HTTP, and arrived ranges to
    other agents; empty without one."""
    moves: bool = False
    """The hypervisor itself can move a volume between its pools."""
    machines: MachineAbilities | None = None
    """None: it runs no transport VMs."""
    slots: Annotated[int, Field(ge=1, le=1000)] = 4

    def sees(self, root: str) -> bool:
        """Whether ``root`` lies in one of the directories it may open."""
        path = PurePosixPath(root)
        if not path.is_absolute() or ".." in path.parts:
            return False
        return any(path.is_relative_to(allowed) for allowed in self.roots)
