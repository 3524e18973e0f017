"""Hops that make a volume of its pool's own copy of a template: clones, and overlays on it.

A clone shares every block of its base, so it is not read: its digest is the base's, which was
computed when those bytes were written. An overlay is small, and read back whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stowage_contracts.errors import GrantRefused, InvalidInput
from stowage_contracts.grants import Grant
from stowage_contracts.values import CopyEnd, Digest, HopMethod, Receipt, ServiceName

from hypervisor_agent.engine.digest import StreamDigest
from hypervisor_agent.engine.local import path_of
from hypervisor_agent.primary import overlay, reflink
from hypervisor_agent.primary.volumes import UNKNOWN, describe
from hypervisor_agent.transports.os_errors import told

if TYPE_CHECKING:
    from hypervisor_agent.engine.hop import Hop

METHODS = frozenset({HopMethod.CLONE, HopMethod.BACKING})


async def make(hop: Hop) -> Receipt:
    """The receipt of a durable part. Raises StowageError; what it wrote, a cancel deletes."""
    order = hop.order
    _check_one_pool(order.source, order.destination)
    base = await _path(hop, (await hop.grants.source()).grant)
    await hop.tools.step("redeemed")
    part = await _path(hop, await hop.grants.destination(order.size))
    await hop.tools.step("opened")
    hop.meter.phase = "cloning"
    try:
        made = await (_clone if order.method is HopMethod.CLONE else _overlay)(hop, base, part)
    except OSError as error:
        raise told(error, part.name) from error
    await hop.tools.step("finished")
    return made


async def _clone(hop: Hop, base: Path, part: Path) -> Receipt:
    order = hop.order
    if (
        order.size is None
        or order.digest is None
        or order.source.format != order.destination.format
    ):
        raise InvalidInput(
            "a clone is made only of a base whose size, digest and format are known to be its own",
            resource=str(order.source.object),
            code="clone",
        )
    await hop.tools.threads.run(reflink.clone, base, part, order.size)
    return Receipt(size=order.size, digest=order.digest, part=part.name)


async def _overlay(hop: Hop, base: Path, part: Path) -> Receipt:
    source, destination, threads = hop.order.source, hop.order.destination, hop.tools.threads
    name = overlay.beside(source.key, destination.key)
    found, size = await threads.run(describe, base)
    if found is not source.format:
        raise InvalidInput(
            f"the base is {found}, not {source.format}", resource=str(source.object), code="base"
        )
    await overlay.create(part, name, source.format, size)
    content = await threads.run(overlay.read_back, part, name, source.format, size)
    return Receipt(
        size=len(content),
        digest=await threads.run(_digest, content),
        part=part.name,
        bytes_sent=len(content),
    )


def _digest(content: bytes) -> Digest:
    tree = StreamDigest(UNKNOWN)
    tree.update(content)
    return tree.result()


def _check_one_pool(source: CopyEnd, destination: CopyEnd) -> None:
    """Raises InvalidInput unless both are on one pool of this agent: nothing else may be a base."""
    owners = {source.grant.owner, destination.grant.owner}
    one = source.store_id is not None and source.store_id == destination.store_id
    if not one or owners != {ServiceName.HYPERVISOR_AGENT}:
        raise InvalidInput(
            "a base and what is made of it must be on one pool",
            resource=str(destination.object),
            code="clone",
        )


async def _path(hop: Hop, grant: Grant) -> Path:
    path = await path_of(grant, hop.tools.roots)
    if path is None:
        raise GrantRefused("the pool's files are not at this host", code="path")
    return path
