"""The gate's only view of an image: few reads, and never more than a budget of bytes."""

from hypervisor_agent.gate.terms import RangedReader, Refused

BUDGET = 8 * 1024 * 1024
HEAD = 128 * 1024
"""Holds every signature, a qcow2's header extensions and 48 ISO volume descriptors."""
TAIL = 512


class Window:
    """Bounded reads of one image."""

    def __init__(self, image: RangedReader) -> None:
        self._image, self._left = image, BUDGET
        self.size = image.size

    async def read(self, offset: int, length: int) -> bytes:
        """The bytes there are of a range; refuses beyond the budget and where bytes are missing."""
        length = max(0, min(length, self.size - offset))
        if length > self._left:
            raise Refused("header", "its metadata is more than the gate will read")
        self._left -= length
        data = await self._image.read(offset, length) if length else b""
        if len(data) != length:
            raise Refused("truncated", f"only {len(data)} of {length} bytes at {offset} were there")
        return data

    async def ends(self) -> tuple[bytes, bytes]:
        """The first 128 KiB and the last 512 bytes (fewer of a smaller image)."""
        head = await self.read(0, HEAD)
        if self.size <= HEAD:
            return head, head[-TAIL:]
        return head, await self.read(self.size - TAIL, TAIL)
