"""The image gate as hops and inspections ask it."""

from stowage_contracts.errors import Unavailable
from stowage_contracts.values import ImageFormat, Verdict

from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.gate import USUAL, Expectation, Jail, Option, inspect, second_opinion
from hypervisor_agent.hypervisors.qemu_img import installed

PLAIN = {ImageFormat.RAW, ImageFormat.ISO}
"""qemu-img sees no more of these than their length."""


class GateView:
    """Stored bytes in the form the gate reads."""

    def __init__(self, stored: Stored) -> None:
        self.size = stored.size
        self._fill = stored.fill

    async def read(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes."""
        data = bytearray(length)
        await self._fill(offset, memoryview(data))
        return bytes(data)


class GateJudge:
    """Our own rules first; then, for a local file, qemu-img's opinion where it is installed."""

    def __init__(self, max_virtual_size: int, allowed: frozenset[Option] = USUAL) -> None:
        self._max, self._allowed = max_virtual_size, allowed
        self._jail = Jail()

    async def __call__(
        self, stored: Stored, declared: ImageFormat, max_virtual_size: int | None = None
    ) -> Verdict:
        """The verdict; what reading raises passes through."""
        limit = min(self._max, max_virtual_size or self._max)
        expected = Expectation(declared, limit, self._allowed)
        verdict = await inspect(GateView(stored), expected)
        if not verdict.accepted or verdict.format in PLAIN:
            return verdict
        if stored.path is None or not installed():
            return verdict
        try:
            return await second_opinion(stored.path, verdict, await self._strictest())
        except Unavailable:
            return verdict

    async def _strictest(self) -> Jail:
        """Tried out until one takes the network away, not for every image."""
        if not self._jail.wrapper:
            self._jail = await Jail.strictest()
        return self._jail
