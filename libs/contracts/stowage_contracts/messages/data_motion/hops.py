"""Commits of hops, by whoever holds the destination's driver."""

from stowage_contracts.errors import Problem
from stowage_contracts.message import Kind, Message
from stowage_contracts.messages.data_motion.words import Command
from stowage_contracts.values import CopyEnd, Digest, Id, Receipt, ServiceName


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


class _Finish(Command):
    """An order to make a hop's destination, and its two answers."""

    hop_id: Id
    copy_id: Id
    epoch: int
    receipt: Receipt

    def committed(self, digest: Digest) -> HopCommitted:
        """The destination exists, complete."""
        return HopCommitted(
            hop_id=self.hop_id, copy_id=self.copy_id, epoch=self.epoch, digest=self.receipt.digest
        )

    def failed(self, error: Problem) -> HopCommitFailed:
        """The destination was read and found absent or wrong."""
        return HopCommitFailed(
            hop_id=self.hop_id, copy_id=self.copy_id, epoch=self.epoch, error=error
        )


class CommitHop(_Finish, subject="hop/{hop_id}"):
    """Make a verified destination visible; sent to whoever holds its driver, once per epoch."""

    destination: CopyEnd


class CloneHop(_Finish, subject="hop/{hop_id}"):
    """Have a store make the destination of an object of its own server; no agent moves a byte.

    ``receipt`` has the size and digest the result must have. Sent to image-store again and again
    until it answers HopCommitted, once an agent has read the result back, or HopCommitFailed:
    ``elsewhere`` if the store refused, so that agents carry it.
    """

    generation: int
    source: CopyEnd
    destination: CopyEnd
