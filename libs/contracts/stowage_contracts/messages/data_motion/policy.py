"""Which strategies an operator wants, and what they would do today."""

from stowage_contracts.errors import Problem
from stowage_contracts.message import Kind, Message, Resource
from stowage_contracts.messages.data_motion.words import Command
from stowage_contracts.values import Id, ServiceName
from stowage_contracts.views import MotionPolicyView, StrategyAnswer


class SetMotionPolicy(Command, subject="motion_policy/{policy.id}"):
    """Pin or forbid strategies for copies into a zone, or (``default``) into all others."""

    policy: MotionPolicyView


class RemoveMotionPolicy(Command, subject="motion_policy/{policy_id}"):
    """The best strategy wins there again."""

    policy_id: Id


class _PolicyEvent(Message):
    kind = Kind.EVENT
    owner = ServiceName.DATA_MOTION

    state: MotionPolicyView

    @property
    def resource(self) -> Resource | None:
        return Resource(
            noun="motion_policy",
            id=self.state.id,
            state=self.state.model_dump(mode="json"),
            removed=type(self).__name__.endswith("Removed"),
        )


class MotionPolicyChanged(_PolicyEvent, subject="motion_policy/{state.id}"):
    """It holds from now on, for copies that are planned later."""


class MotionPolicyRemoved(_PolicyEvent, subject="motion_policy/{state.id}"):
    """It is gone."""


class ExplainCopy(Message, subject="copy/{copy_id}"):
    """What every strategy would answer to a copy today; nothing is changed."""

    kind = Kind.REQUEST
    owner = ServiceName.DATA_MOTION

    copy_id: Id


class CopyExplained(Message, subject="copy/{copy_id}"):
    """The answers then and now: of the same strategies, with the agents, stores, caches and
    policies of either day."""

    kind = Kind.REPLY
    owner = ServiceName.DATA_MOTION

    copy_id: Id
    then: tuple[StrategyAnswer, ...]
    now: tuple[StrategyAnswer, ...]
    problem: Problem | None = None
    """Why it could not be planned today."""
