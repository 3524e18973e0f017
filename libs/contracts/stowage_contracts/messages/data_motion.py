"""What data-motion hears and says: copies and hops."""

from stowage_contracts.errors import Problem
from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.values import CopyEnd, Digest, Id, ObjectRef, Receipt, ServiceName, Transfer
from stowage_contracts.views import CopyView


class _Command(Message):
    kind = Kind.COMMAND
    owner = ServiceName.DATA_MOTION


class _CopyEvent(Message):
    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION

    state: CopyView

    @property
    def resource(self) -> Resource | None:
        return Resource(noun="copy", id=self.state.id, state=self.state.model_dump(mode="json"))


class CancelCopy(_Command, subject="copy/{copy_id}"):
    """Detach one asker; the last one cancels the transfer."""

    copy_id: Id
    reason: str = "cancelled by request"


class CopyPlanned(_CopyEvent, subject="copy/{state.id}"):
    """A strategy was chosen; every strategy's answer is in the state."""


class CopyStarted(_CopyEvent, subject="copy/{state.id}"):
    """A hop began to move, moved elsewhere, or the next hop began."""


class CopyCompleted(_CopyEvent, subject="copy/{state.id}"):
    """The destination was verified and committed."""

    object: ObjectRef
    destination: CopyEnd
    receipt: Receipt | None = None
    """None when the destination already held the object."""


class CopyFailed(_CopyEvent, subject="copy/{state.id}"):
    """The copy ended without a destination object."""

    destination: CopyEnd
    error: Problem


class CopyCancelled(_CopyEvent, subject="copy/{state.id}"):
    """An asker withdrew; ``last`` when the transfer itself was stopped."""

    destination: CopyEnd
    last: bool


class CopyProgressed(Message, subject="copy/{copy_id}"):
    """Live figures of a copy; at most one a second."""

    kind = Kind.SIGNAL
    owner = ServiceName.DATA_MOTION

    copy_id: Id
    state: str
    hop_id: Id | None = None
    transfer: Transfer


class CommitHop(_Command, subject="hop/{hop_id}"):
    """Make a verified destination visible; sent to whoever holds its driver, once per epoch."""

    hop_id: Id
    copy_id: Id
    epoch: int
    destination: CopyEnd
    receipt: Receipt


class HopCommitted(Message, subject="hop/{hop_id}"):
    """The destination object exists, complete."""

    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION
    shared = True

    hop_id: Id
    copy_id: Id
    epoch: int
    digest: Digest


class HopCommitFailed(Message, subject="hop/{hop_id}"):
    """The destination was read and found absent or wrong."""

    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION
    shared = True

    hop_id: Id
    copy_id: Id
    epoch: int
    error: Problem
