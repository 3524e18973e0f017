"""How these tests ask the gate."""

from hypervisor_agent.gate import Expectation, Option, inspect
from stowage_contracts.values import ImageFormat, Verdict

from tests.images import MemoryImage

TIB = 1 << 40


async def judge(
    data: bytes,
    declared: ImageFormat = ImageFormat.QCOW2,
    limit: int = TIB,
    allowed: frozenset[Option] = frozenset({Option.EXTENDED_L2}),
) -> Verdict:
    """The gate's verdict on bytes in memory."""
    return await inspect(MemoryImage(data), Expectation(declared, limit, allowed))
