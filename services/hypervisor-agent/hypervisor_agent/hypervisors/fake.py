"""A host whose kind, abilities and faults are set: stands in for hypervisors that can't be had."""

from stowage_contracts.errors import InvalidInput
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.plugins.hypervisor import Conversion, HypervisorSettings, Moved, VolumeMove
from stowage_contracts.values import HypervisorKind, ImageFormat, Value

from hypervisor_agent.faults import Faults
from hypervisor_agent.gate import JUDGED
from hypervisor_agent.hypervisors import local, motion
from hypervisor_agent.hypervisors.kvm import SCHEMES


class FakeOptions(Value):
    """What the fake pretends to be; by default an able KVM host."""

    kind: HypervisorKind = HypervisorKind.KVM
    reads: tuple[str, ...] = SCHEMES
    """``["file"]`` makes it need a cache store, as XenServer does."""
    writes: tuple[str, ...] = SCHEMES
    convert: tuple[ImageFormat, ...] = ()
    inspect: tuple[ImageFormat, ...] = JUDGED
    moves: bool = False
    """It moves volumes between its pools, as XenMotion does."""
    faults: Faults = Faults()


class FakeHypervisor:
    """Moves real bytes with pretended abilities."""

    def __init__(self, settings: HypervisorSettings) -> None:
        self._settings = settings
        self._pools = local.LocalPools(settings.pools)
        self._options = FakeOptions.model_validate(settings.options)

    @property
    def faults(self) -> Faults:
        """What the agent should suffer."""
        return self._options.faults

    async def abilities(self) -> HostAbilities:
        """As set."""
        settings, options = self._settings, self._options
        roots = (*settings.roots, *(pool.root for pool in settings.pools if pool.root))
        return HostAbilities(
            hypervisor=options.kind,
            reads=options.reads,
            writes=options.writes,
            roots=roots,
            fetch=settings.fetch,
            inspect=options.inspect,
            convert=options.convert,
            moves=options.moves,
            slots=settings.slots,
        )

    async def pools(self) -> tuple[PoolView, ...]:
        """Real directories."""
        return await self._pools.views()

    async def convert(self, job: Conversion) -> None:
        """By qemu-img, where the options allow it."""
        await local.convert(job, self._options.convert)

    async def move(self, job: VolumeMove, moved: Moved) -> None:
        """Real bytes; raises InvalidInput where the options do not allow it."""
        if not self._options.moves:
            raise InvalidInput("this host moves no volumes", resource=job.resource, code="native")
        await motion.move(job, moved)
