"""Reports of VMs, said one after the other: of each VM the latest, and none of them twice."""

import asyncio
from collections import OrderedDict

from stowage_contracts.caching import VmFacts
from stowage_contracts.envelope import Envelope
from stowage_contracts.messages.hypervisor_agent import TransportVmReported

from hypervisor_agent.line import Line


class Telling:
    """What is still to be said; while the broker is away it waits, and never holds up work."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._unsaid: OrderedDict[str, tuple[VmFacts, Envelope | None]] = OrderedDict()
        self._wake = asyncio.Event()

    def tell(self, facts: VmFacts, cause: Envelope | None = None) -> None:
        """Instead of what was to be said of that VM before."""
        self._unsaid.pop(facts.vm_id, None)
        self._unsaid[facts.vm_id] = (facts, cause)
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._unsaid:
                _, (facts, cause) = self._unsaid.popitem(last=False)
                told = TransportVmReported(host_id=self._line.host_id, vm=facts)
                await self._line.say(told, cause)
