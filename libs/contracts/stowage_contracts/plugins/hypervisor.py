"""Hypervisor: what one host can do, and its pools."""

from typing import Any, Protocol

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
