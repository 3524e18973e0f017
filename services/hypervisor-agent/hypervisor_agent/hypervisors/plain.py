"""A plain mover: no hypervisor, no pools; carries bytes from URLs and stores to stores."""

from stowage_contracts.errors import InvalidInput
from stowage_contracts.hosts import HostAbilities, PoolView
from stowage_contracts.plugins.hypervisor import Conversion, HypervisorSettings
from stowage_contracts.values import HypervisorKind

from hypervisor_agent.gate import JUDGED
from hypervisor_agent.hypervisors.kvm import schemes


class PlainMover:
    """Moves and judges, converts nothing."""

    def __init__(self, settings: HypervisorSettings) -> None:
        self._settings = settings

    async def abilities(self) -> HostAbilities:
        """All schemes."""
        return HostAbilities(
            hypervisor=HypervisorKind.NONE,
            reads=schemes(),
            writes=schemes(),
            roots=self._settings.roots,
            fetch=self._settings.fetch,
            inspect=JUDGED,
            slots=self._settings.slots,
        )

    async def pools(self) -> tuple[PoolView, ...]:
        """None."""
        return ()

    async def convert(self, job: Conversion) -> None:
        """Never able."""
        raise InvalidInput("a plain mover converts nothing", code="conversion")
