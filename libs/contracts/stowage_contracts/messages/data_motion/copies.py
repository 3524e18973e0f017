"""How copies go."""

from stowage_contracts.errors import Problem
from stowage_contracts.message import Kind, Message
from stowage_contracts.messages.data_motion.words import CopyEvent
from stowage_contracts.values import CopyEnd, Id, ObjectRef, Receipt, ServiceName, Transfer


class CopyPlanned(CopyEvent, subject="copy/{state.id}"):
    """A strategy was chosen; every strategy's answer is in the state."""


class CopyStarted(CopyEvent, subject="copy/{state.id}"):
    """A hop began to move, moved elsewhere, or the next hop began."""


class CopyCompleted(CopyEvent, subject="copy/{state.id}"):
    """The destination was verified and committed."""

    object: ObjectRef
    destination: CopyEnd
    receipt: Receipt | None = None
    """None when the destination already held the object."""


class CopyFailed(CopyEvent, subject="copy/{state.id}"):
    """The copy ended without a destination object."""

    destination: CopyEnd
    error: Problem


class CopyCancelled(CopyEvent, subject="copy/{state.id}"):
    """An asker withdrew; ``last`` when the transfer itself was stopped."""

    destination: CopyEnd
    last: bool


class CopyPaused(CopyEvent, subject="copy/{state.id}"):
    """It was paused: no byte moves, what arrived stays, its deadlines stand still."""


class CopyResumed(CopyEvent, subject="copy/{state.id}"):
    """It goes on from where it was."""


class CopyChanged(CopyEvent, subject="copy/{state.id}"):
    """Its priority, its speed or its way was changed."""


class CopyProgressed(Message, subject="copy/{copy_id}"):
    """Live figures of a copy; at most one a second."""

    kind = Kind.SIGNAL
    owner = ServiceName.DATA_MOTION

    copy_id: Id
    state: str
    hop_id: Id | None = None
    transfer: Transfer
