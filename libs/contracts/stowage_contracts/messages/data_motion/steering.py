"""Orders to copies under way, and to the agents that carry them."""

from stowage_contracts.message import Kind, Message
from stowage_contracts.messages.data_motion.words import Command
from stowage_contracts.values import Bytes, Id, ServiceName
from stowage_contracts.views import HostDrain


class CancelCopy(Command, subject="copy/{copy_id}"):
    """Detach one asker; the last one cancels the transfer."""

    copy_id: Id
    reason: str = "cancelled by request"


class PauseCopy(Command, subject="copy/{copy_id}"):
    """Stop moving, keep what arrived; a pause of one asker pauses the shared transfer."""

    copy_id: Id
    reason: str = "paused by request"


class ResumeCopy(Command, subject="copy/{copy_id}"):
    """Go on where it stopped."""

    copy_id: Id


class ChangeCopy(Command, subject="copy/{copy_id}"):
    """Other priority or speed, effective at once."""

    copy_id: Id
    priority: int | None = None
    """None leaves it."""
    bytes_per_second: Bytes | None = None
    """None leaves it; 0 takes the limit away."""


class RerouteCopy(Command, subject="copy/{copy_id}"):
    """Hand the hop that moves to another agent, which goes on from its journal."""

    copy_id: Id
    host_id: Id | None = None
    """Where it should go; None is anywhere but where it is."""


class DrainHost(Command, subject="host/{host_id}"):
    """Give a host's agent nothing new and hand over what it moves; ``drains`` False ends that."""

    host_id: Id
    drains: bool = True
    reason: str = "drained by request"


class HostDraining(Message, subject="host/{host_id}"):
    """How far the drain of a host's agent is; without ``drain`` it has ended."""

    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION

    host_id: Id
    drain: HostDrain | None = None
