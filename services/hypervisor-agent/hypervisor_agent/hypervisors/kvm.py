"""A KVM host: directory pools, files and HTTP, conversion by qemu-img."""

from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.plugins.hypervisor import Conversion, HypervisorSettings
from stowage_contracts.values import HypervisorKind

from hypervisor_agent.gate import JUDGED
from hypervisor_agent.hypervisors import local
from hypervisor_agent.hypervisors.qemu_img import installed
from hypervisor_agent.transports import nfs

SCHEMES = ("file", "http", "https")
"""Of every host; ``schemes`` adds those that need something installed."""


def schemes() -> tuple[str, ...]:
    """What this host opens now."""
    return (*SCHEMES, "nfs") if nfs.usable() else SCHEMES


class KvmHypervisor:
    """Reads every store directly; never needs a cache."""

    def __init__(self, settings: HypervisorSettings) -> None:
        self._settings = settings
        self._pools = local.LocalPools(settings.pools)
        self._convert = local.CONVERTED if installed() else ()

    async def abilities(self) -> HostAbilities:
        """All schemes, and conversion where qemu-img is installed."""
        settings = self._settings
        roots = (*settings.roots, *(pool.root for pool in settings.pools if pool.root))
        return HostAbilities(
            hypervisor=HypervisorKind.KVM,
            reads=schemes(),
            writes=schemes(),
            roots=roots,
            fetch=settings.fetch,
            inspect=JUDGED,
            convert=self._convert,
            slots=settings.slots,
        )

    async def pools(self) -> tuple[PoolView, ...]:
        """Directory pools by statvfs."""
        return await self._pools.views()

    async def convert(self, job: Conversion) -> None:
        """By qemu-img."""
        await local.convert(job, self._convert)
