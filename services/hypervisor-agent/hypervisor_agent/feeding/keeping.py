"""Leaf digests on the bus: asked of image-store, and handed to it."""

import asyncio
import base64
import zlib
from dataclasses import dataclass

import structlog
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, StowageError
from stowage_contracts.messages.image_store import GetLeaves, KeepLeaves, LeavesGot
from stowage_contracts.messages.image_store.leaves import LEAVES_A_MESSAGE
from stowage_contracts.values import TREE_LEAF, Bytes, Digest, Id, ServiceName

from hypervisor_agent import metrics
from hypervisor_agent.feeding.leaf_list import LEAF_BYTES
from hypervisor_agent.line import Line

LEAST_BYTES = 64 << 20
"""Smaller objects are not worth feeding."""
KEEP_SECONDS = 15.0
"""A hop's report waits no longer than this for its leaves to be kept."""
CHUNK = LEAVES_A_MESSAGE * LEAF_BYTES
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BusLeaves:
    """Under the ticket of one hop or inspection."""

    hop_id: Id
    ticket: SecretStr
    line: Line

    async def get(self, digest: Digest, size: Bytes) -> bytes:
        """All of them, not yet proved. Raises NotFound, GrantRefused, Unavailable."""
        found = bytearray()
        wanted = -(-size // TREE_LEAF)
        while len(found) < wanted * LEAF_BYTES:
            first = len(found) // LEAF_BYTES
            answer = await self._ask(
                GetLeaves(hop_id=self.hop_id, digest=digest, first=first, ticket=self.ticket)
            )
            found += _inflated(answer)
        return bytes(found)

    async def keep(self, digest: Digest, leaves: bytes, size: Bytes) -> None:
        """Hand them over; without them the object is merely not fed by peers, so nothing fails."""
        if not leaves or size < LEAST_BYTES:
            return
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                for at in range(0, len(leaves), CHUNK):
                    await self._keep(digest, leaves, at)
        except (StowageError, TimeoutError) as error:
            code = error.code if isinstance(error, StowageError) else "late"
            log.warning("leaves.not_kept", hop=self.hop_id, code=code)
            metrics.UNKEPT.add(1)

    async def _keep(self, digest: Digest, leaves: bytes, at: int) -> None:
        packed = base64.b64encode(zlib.compress(leaves[at : at + CHUNK]))
        ask = KeepLeaves(
            hop_id=self.hop_id,
            digest=digest,
            first=at // LEAF_BYTES,
            leaves=packed,
            last=at + CHUNK >= len(leaves),
            ticket=self.ticket,
        )
        await self.line.ask(ask, to=ServiceName.IMAGE_STORE.value)

    async def _ask(self, ask: GetLeaves) -> LeavesGot:
        answer = await self.line.ask(ask, to=ServiceName.IMAGE_STORE.value)
        if not isinstance(answer, LeavesGot) or answer.first != ask.first:
            raise GrantRefused("the owner answered something else", code="malformed")
        return answer


def _inflated(answer: LeavesGot) -> bytes:
    try:
        leaves = zlib.decompressobj().decompress(answer.leaves, CHUNK)
    except zlib.error:
        leaves = b""
    if not leaves:
        raise GrantRefused("these are no leaves", code="malformed")
    return leaves
