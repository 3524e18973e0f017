"""Redeeming a hop's grants: from their owners over the bus, or from the agent's own pools."""

from datetime import UTC, datetime

from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused
from stowage_contracts.grants import Grant, PartUrl
from stowage_contracts.messages.hypervisor_agent import ExecuteHop
from stowage_contracts.messages.image_store import GrantRedeemed, RedeemGrant
from stowage_contracts.plugins.image_store_driver import ReadAsk, WriteAsk
from stowage_contracts.plugins.transport import PartSource
from stowage_contracts.values import CopyEnd, ServiceName

from hypervisor_agent.line import Line
from hypervisor_agent.pools import Pools
from hypervisor_agent.transports.http_parts import BATCH

LOCAL_SECONDS = 3600


class BusGrants:
    """One hop's grants. Nothing redeemed here is logged, kept or said again."""

    def __init__(self, order: ExecuteHop, line: Line, pools: Pools) -> None:
        self._order, self._line, self._pools = order, line, pools
        self._size: int | None = None
        self._grows = False

    async def source(self) -> GrantRedeemed:
        """The read grant; raises what its owner raises."""
        return await read_grant(self._order.source, self._order.ticket, self._line, self._pools)

    async def destination(self, size: int | None) -> Grant:
        """The write grant with what is already there; raises what its owner raises."""
        self._size = size
        end = self._order.destination
        if end.grant.owner is not ServiceName.HYPERVISOR_AGENT:
            return (await self._redeem(1, BATCH)).grant
        writer = f"{self._order.hop_id}.{self._order.generation}"
        ask = WriteAsk(key=end.key, writer=writer, size=size, seconds=LOCAL_SECONDS)
        return await self._pools.driver(end.store_id).grant(ask)

    async def promise(self, size: int) -> None:
        """On our own pools nothing is promised: a full one says so itself."""
        if self._order.destination.grant.owner is not ServiceName.HYPERVISOR_AGENT:
            self._size, self._grows = size, True
            await self._redeem(1, 0)

    @property
    def parts(self) -> PartSource:
        """More part URLs of the destination's session."""
        return self._part_urls

    async def _part_urls(self, first_part: int, count: int) -> tuple[PartUrl, ...]:
        return (await self._redeem(first_part, count)).grant.parts

    async def _redeem(self, first_part: int, count: int) -> GrantRedeemed:
        end = self._order.destination
        ask = RedeemGrant(
            grant_id=end.grant.id,
            ticket=self._order.ticket,
            first_part=first_part,
            part_count=count,
            size=self._size,
            grows=self._grows,
        )
        return await redeem(ask, end, self._line)


async def read_grant(end: CopyEnd, ticket: SecretStr, line: Line, pools: Pools) -> GrantRedeemed:
    """A read grant of either kind."""
    if end.grant.owner is not ServiceName.HYPERVISOR_AGENT:
        return await redeem(RedeemGrant(grant_id=end.grant.id, ticket=ticket), end, line)
    ask = ReadAsk(key=end.key, seconds=LOCAL_SECONDS)
    grant = await pools.driver(end.store_id).grant(ask)
    return GrantRedeemed(grant_id=end.grant.id, grant=grant)


async def redeem(ask: RedeemGrant, end: CopyEnd, line: Line) -> GrantRedeemed:
    """Ask the owner; raises GrantRefused when what it answers is no live grant."""
    answer = await line.ask(ask, to=end.grant.owner.value)
    if not isinstance(answer, GrantRedeemed):
        raise GrantRefused("the owner answered something else", code="malformed")
    if answer.grant.expires <= datetime.now(UTC):
        raise GrantRefused("the grant had expired when it came", code="expired")
    return answer
