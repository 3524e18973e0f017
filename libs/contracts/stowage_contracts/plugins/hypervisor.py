"""Hypervisor: what one host can do, and its pools."""

from typing import Protocol

from stowage_contracts.values import HostAbilities, ImageFormat, PoolView, Value


class Conversion(Value):
    """Convert one local image file into another."""

    source: str
    source_format: ImageFormat
    destination: str
    destination_format: ImageFormat


class Hypervisor(Protocol):
    """One kind of hypervisor host (entry-point group ``stowage.hypervisor``)."""

    async def abilities(self) -> HostAbilities:
        """What this host can do now."""
        ...

    async def pools(self) -> tuple[PoolView, ...]:
        """Primary pools it sees, with fresh capacity."""
        ...

    async def convert(self, job: Conversion) -> None:
        """Raises InvalidInput when unable, OutOfSpace, Unavailable."""
        ...
