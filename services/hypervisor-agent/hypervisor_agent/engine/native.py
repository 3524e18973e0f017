"""Hops that the hypervisor itself carries out: a volume moves from one of its pools to another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stowage_contracts.errors import GrantRefused, ImageRefused, InvalidInput
from stowage_contracts.grants import Grant
from stowage_contracts.plugins import VolumeMotion
from stowage_contracts.plugins.hypervisor import VolumeMove
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import Digest, Receipt

from hypervisor_agent.engine.by_qemu import read_back, refuse_committed
from hypervisor_agent.engine.full_read import FullRead
from hypervisor_agent.engine.local import path_of
from hypervisor_agent.engine.progress import Meter
from hypervisor_agent.transports.file_reader import FileReader

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop


async def move(hop: Hop) -> Receipt:
    """The receipt of the part the hypervisor made, read back and compared. Raises StowageError."""
    motion = await _motion(hop)
    source = await _path(hop, (await hop.grants.source()).grant)
    await hop.tools.step("redeemed")
    reader = await FileReader.open(source, ReadShape(stall_seconds=hop.stall_seconds))
    try:
        part = await _path(hop, await hop.grants.destination(reader.size))
        await hop.tools.threads.run(refuse_committed, part)
        await hop.tools.step("opened")
        await _moved(
            hop,
            motion,
            VolumeMove(
                source=str(source),
                destination=str(part),
                format=hop.order.source.format,
                resource=str(hop.order.source.object),
            ),
        )
        receipt = await _verified(hop, part, reader)
    finally:
        await reader.close()
    await hop.tools.step("finished")
    return receipt


async def _motion(hop: Hop) -> VolumeMotion:
    hypervisor = hop.tools.hypervisor
    if isinstance(hypervisor, VolumeMotion) and (await hypervisor.abilities()).moves:
        return hypervisor
    raise InvalidInput(
        "this host's hypervisor moves no volumes",
        resource=str(hop.order.source.object),
        code="native",
        hint="forbid hypervisor-native in the policy of its zone, or mend the agent's settings",
    )


async def _moved(hop: Hop, motion: VolumeMotion, job: VolumeMove) -> None:
    hop.meter.phase = "moving"
    await motion.move(job, _counted(hop.meter))
    await hop.tools.step("moved")


def _counted(meter: Meter) -> Callable[[int, int], None]:
    """Cumulative figures of a hypervisor into those of a hop."""
    before = 0

    def moved(done: int, total: int) -> None:
        nonlocal before
        meter.total = total
        meter.stored(max(0, done - before), read=max(0, done - before))
        before = max(before, done)

    return moved


async def _verified(hop: Hop, part: Path, source: FileReader) -> Receipt:
    """Compared with the digest that is known, else with the source, which nobody wrote to."""
    receipt = await read_back(hop, part)
    wanted = hop.order.digest or await _digest(hop, source)
    await source.read_into(0, memoryview(bytearray(min(1, source.size))))
    if receipt.digest != wanted:
        raise ImageRefused(
            f"the hypervisor made {receipt.digest} of {wanted}",
            code="digest",
            resource=str(hop.order.source.object),
            hint="look at the volume's pool: its bytes are not those that were stored",
        )
    return receipt


async def _digest(hop: Hop, source: FileReader) -> Digest:
    return (await FullRead(source, hop.tools, lambda: False, None).run()).tree


async def _path(hop: Hop, grant: Grant) -> Path:
    path = await path_of(grant, hop.tools.roots)
    if path is None:
        raise GrantRefused("the pool's files are not at this host", code="path")
    return path
