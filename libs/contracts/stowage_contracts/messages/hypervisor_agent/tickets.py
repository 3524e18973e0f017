"""Claims that agents show: of a hop, of a link, of a peer."""

from stowage_contracts.errors import GrantRefused
from stowage_contracts.values import Bytes, CopyEnd, Digest, GrantRef, Id, Instant, Value


class HopTicket(Value):
    """Claims data-motion signs (Ed25519); agents and grant owners verify them."""

    hop_id: Id
    """Or the inspection's id."""
    epoch: int
    generation: int = 1
    """With the hop it names the writer: ``<hop>.<generation>``."""
    host_id: Id
    source_grant: GrantRef
    destination_grant: GrantRef
    destination_key: str
    destination_store_id: Id | None
    expires: Instant

    @property
    def writer(self) -> str:
        """Name of the temporary destination."""
        return f"{self.hop_id}.{self.generation}"

    def check(self, grant_id: str, source: str) -> None:
        """Raises GrantRefused unless ``source`` is its agent, and the grant one of its two."""
        known = {self.source_grant.id, self.destination_grant.id}
        if source != f"agent/{self.host_id}" or grant_id not in known:
            raise GrantRefused("the ticket is not for this grant and agent", code="ticket")


class LinkTicket(Value):
    """Claims image-store signs for one link through an agent's door; the agent shows it when it
    redeems the grant, so a revoked grant ends the link."""

    grant_id: Id
    host_id: Id
    object: CopyEnd
    """The stored object, and the grant's owner."""
    writes: bool = False
    """An upload; a download otherwise."""
    file_name: str = ""
    """What a download is called at its receiver."""
    size: Bytes | None = None
    """Length of an upload, where its sender told."""
    epoch: int = 1
    """Links have no lease: always the first."""
    expires: Instant

    @property
    def writer(self) -> str:
        """Name of an upload's temporary destination."""
        return f"{self.grant_id}.1"

    def check(self, grant_id: str, source: str) -> None:
        """Raises GrantRefused unless ``source`` is its agent and the grant its own."""
        if source != f"agent/{self.host_id}" or grant_id != self.grant_id:
            raise GrantRefused("the link is not for this grant and agent", code="ticket")


class PeerTicket(Value):
    """Claims data-motion signs: one agent may read what another has of a hop's bytes."""

    hop_id: Id
    """The hop whose destination is read…"""
    host_id: Id
    """…at the agent that moves or moved it…"""
    reader_id: Id
    """…by this agent only."""
    digest: Digest
    expires: Instant
