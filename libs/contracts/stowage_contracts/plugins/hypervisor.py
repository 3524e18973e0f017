"""Hypervisor: what one host can do, and its pools."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.values import Id, ImageFormat, Name, Value


class PoolSettings(Value):
    """A primary pool the operator configured on a host."""

    id: Id
    name: Name
    provider: str = "directory"
    """Entry-point name of its PrimaryStoreDriver."""
    root: str = ""
    shared: bool = False
    """Other hosts write to it too, so parts unknown here may be theirs."""
    formats: tuple[ImageFormat, ...] = (ImageFormat.QCOW2, ImageFormat.RAW, ImageFormat.ISO)
    install: str = ""
    """TemplateInstallStrategy that must make its volumes; empty lets the best one win."""


class HypervisorSettings(Value):
    """What every hypervisor plug-in is made with."""

    pools: tuple[PoolSettings, ...] = ()
    roots: tuple[str, ...] = ()
    """Directories beside the pools that ``file`` grants may lie in."""
    slots: int = 4
    fetch: bool = True
    """May open user-given URLs."""
    options: dict[str, Any] = {}
    """The plug-in's own, checked by it."""


class Conversion(Value):
    """Convert one local image file into another."""

    source: str
    source_format: ImageFormat
    destination: str
    destination_format: ImageFormat


class VolumeMove(Value):
    """Bring a volume of one of the hypervisor's pools to another one, as it is."""

    source: str
    """The volume's file."""
    destination: str
    """The file to make, an unfinished part of the other pool; it may be there from an earlier try
    and is then made anew."""
    format: ImageFormat
    resource: str
    """What errors name."""


Moved = Callable[[int, int], None]
"""Told now and then: bytes moved so far, bytes in all."""


@runtime_checkable
class VolumeMotion(Protocol):
    """Optional: the hypervisor itself moves volumes (``HostAbilities.moves``), by XenMotion,
    Storage vMotion and their like."""

    async def move(self, job: VolumeMove, moved: Moved) -> None:
        """Return once the destination is durable. The source stays: whoever asked deletes it after
        the commit. When cancelled it stops first. Raises NotFound, OutOfSpace, Unavailable."""
        ...


class Hypervisor(Protocol):
    """One kind of hypervisor host (entry-point group ``stowage.hypervisor``).

    Made with one argument, its HypervisorSettings.
    """

    async def abilities(self) -> HostAbilities:
        """What this host can do now."""
        ...

    async def pools(self) -> tuple[PoolView, ...]:
        """Primary pools it sees, with fresh capacity."""
        ...

    async def convert(self, job: Conversion) -> None:
        """Raises InvalidInput when unable, OutOfSpace, Unavailable."""
        ...
