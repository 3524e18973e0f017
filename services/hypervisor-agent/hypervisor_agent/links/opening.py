"""Links by their tokens: believed once, redeemed when opened and again while they are used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused, StowageError, Unavailable
from stowage_contracts.grants import PartUrl
from stowage_contracts.messages.hypervisor_agent import LinkTicket
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant, TakeUpload
from stowage_runtime.signing import Verifier

from hypervisor_agent.grants import redeem
from hypervisor_agent.line import Line

ASK_SECONDS = 10.0
RECHECK_SECONDS = 5.0
"""Between an answer and the next question; with ASK_SECONDS a revoked grant ends within 15 s."""
SILENCE_SECONDS = 60.0
"""A link outlives its owner's silence no longer than this."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Link:
    """A believed token."""

    token: SecretStr
    claims: LinkTicket

    async def redeem(self, line: Line, *, size: int | None = None) -> GrantRedeemed:
        """Raises GrantRefused, NotFound, Unavailable."""
        return await self._ask(self._question(size=size), line)

    async def part_urls(self, line: Line, first: int, count: int) -> tuple[PartUrl, ...]:
        """URLs of an upload's parts, where its store wants it so."""
        ask = self._question(first_part=first, part_count=count)
        return (await self._ask(ask, line)).grant.parts

    async def taken(self, line: Line, size: int) -> None:
        """All of an upload has come: its owner commits it. Raises what the owner raises."""
        done = TakeUpload(grant_id=self.claims.grant_id, ticket=self.token, size=size)
        await line.ask(done, to=self.claims.object.grant.owner.value)

    def _question(self, **facts: int | None) -> RedeemGrant:
        ask = RedeemGrant(grant_id=self.claims.grant_id, ticket=self.token)
        return ask.model_copy(update=facts)

    async def _ask(self, ask: RedeemGrant, line: Line) -> GrantRedeemed:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await redeem(ask, self.claims.object, line)
        except TimeoutError:
            raise Unavailable("the link's owner does not answer", code="owner") from None


class Links:
    """Links of one host."""

    def __init__(self, verifier: Verifier, host_id: str, line: Line) -> None:
        self._verifier, self._host_id, self._line = verifier, host_id, line

    def believe(self, token: str, *, writes: bool) -> Link:
        """Raises GrantRefused: forged, expired, another host's, or for the other direction."""
        secret = SecretStr(token)
        claims = self._verifier.verify(secret, LinkTicket, datetime.now(UTC))
        if claims.host_id != self._host_id:
            raise GrantRefused("the link is another host's", code="forged")
        if claims.writes is not writes:
            raise GrantRefused("the link is for the other direction", code="direction")
        return Link(secret, claims)

    @asynccontextmanager
    async def used(self, link: Link, size: int | None = None) -> AsyncIterator[GrantRedeemed]:
        """Redeemed, and asked about while the block runs; ends it with GrantRefused."""
        redeemed = await link.redeem(self._line, size=size)
        refused = GrantRefused("the link was revoked", code="revoked")
        try:
            async with asyncio.timeout(None) as limit:
                watch = asyncio.create_task(self._watch(link, size, limit))
                try:
                    yield redeemed
                finally:
                    watch.cancel()
        except TimeoutError:
            raise refused from None

    async def _watch(self, link: Link, size: int | None, limit: asyncio.Timeout) -> None:
        clock = asyncio.get_running_loop().time
        answered = clock()
        while clock() - answered < SILENCE_SECONDS:
            await asyncio.sleep(RECHECK_SECONDS)
            try:
                await link.redeem(self._line, size=size)
                answered = clock()
            except Unavailable as error:
                log.info("link.unasked", grant=link.claims.grant_id, code=error.code)
            except StowageError as error:
                log.info("link.ended", grant=link.claims.grant_id, code=error.code)
                break
        limit.reschedule(clock())
