"""What data-motion hears and says: copies, hops, steering, policies."""

from stowage_contracts.messages.data_motion.copies import (
    CopyCancelled,
    CopyChanged,
    CopyCompleted,
    CopyFailed,
    CopyPaused,
    CopyPlanned,
    CopyProgressed,
    CopyResumed,
    CopyStarted,
)
from stowage_contracts.messages.data_motion.hops import (
    CloneHop,
    CommitHop,
    HopCommitFailed,
    HopCommitted,
)
from stowage_contracts.messages.data_motion.policy import (
    CopyExplained,
    ExplainCopy,
    MotionPolicyChanged,
    MotionPolicyRemoved,
    RemoveMotionPolicy,
    SetMotionPolicy,
)
from stowage_contracts.messages.data_motion.steering import (
    CancelCopy,
    ChangeCopy,
    DrainHost,
    HostDraining,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)

__all__ = [
    "CancelCopy",
    "ChangeCopy",
    "CloneHop",
    "CommitHop",
    "CopyCancelled",
    "CopyChanged",
    "CopyCompleted",
    "CopyExplained",
    "CopyFailed",
    "CopyPaused",
    "CopyPlanned",
    "CopyProgressed",
    "CopyResumed",
    "CopyStarted",
    "DrainHost",
    "ExplainCopy",
    "HopCommitFailed",
    "HopCommitted",
    "HostDraining",
    "MotionPolicyChanged",
    "MotionPolicyRemoved",
    "PauseCopy",
    "RemoveMotionPolicy",
    "RerouteCopy",
    "ResumeCopy",
    "SetMotionPolicy",
]
