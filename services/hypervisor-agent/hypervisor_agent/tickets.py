"""What a ticket must say before an agent lifts a finger."""

from datetime import UTC, datetime

from pydantic import SecretStr
from stowage_contracts.errors import GrantRefused
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, HopTicket, InspectObject
from stowage_runtime.signing import Verifier


class TicketDoor:
    """Checks tickets of one host."""

    def __init__(self, verifier: Verifier, host_id: str) -> None:
        self._verifier, self._host_id = verifier, host_id

    def check_hop(self, order: ExecuteHop) -> None:
        """Raises GrantRefused unless the ticket was signed for exactly this order and host."""
        claims = self._claims(order.ticket)
        asked = (
            order.hop_id,
            order.epoch,
            order.generation,
            order.host_id,
            order.source.grant,
            order.destination.grant,
            order.destination.key,
            order.destination.store_id,
        )
        signed = (
            claims.hop_id,
            claims.epoch,
            claims.generation,
            claims.host_id,
            claims.source_grant,
            claims.destination_grant,
            claims.destination_key,
            claims.destination_store_id,
        )
        if asked != signed:
            raise GrantRefused("the ticket was signed for another hop", code="forged")

    def check_inspection(self, order: InspectObject) -> None:
        """The same for an inspection."""
        claims = self._claims(order.ticket)
        asked = (order.inspection_id, order.host_id, order.object.grant)
        if asked != (claims.hop_id, claims.host_id, claims.source_grant):
            raise GrantRefused("the ticket was signed for another inspection", code="forged")

    def _claims(self, ticket: SecretStr) -> HopTicket:
        claims = self._verifier.verify(ticket, HopTicket, datetime.now(UTC))
        if claims.host_id != self._host_id:
            raise GrantRefused("the ticket is another host's", code="forged")
        return claims
