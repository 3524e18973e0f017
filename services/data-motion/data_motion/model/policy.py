"""Which strategies an operator's policy leaves; pure."""

from dataclasses import dataclass

from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.values import CacheUse, Id, StoreRole

from data_motion.records import PolicyRecord

DEFAULT = "default"
"""Id of the policy of every zone that has none of its own."""


def zone_of(request: CopyRequested) -> Id | None:
    """The zone whose policy holds: the destination's, else the asker's."""
    return request.destination.scope.zone_id or request.location.zone_id


@dataclass(frozen=True)
class Choice:
    """What a policy says of strategies; without one, all are free."""

    policy: PolicyRecord | None = None

    def bars(self, strategy: str) -> str:
        """Why ``strategy`` may not be used; '' when it may."""
        policy = self.policy
        if policy is None:
            return ""
        if strategy in policy.forbid:
            return f"forbidden by {self.name}"
        if policy.pin and policy.pin != strategy:
            return f"not used: {self.name} pins {policy.pin}"
        return ""

    def lacks(self, strategies: frozenset[str]) -> str:
        """What is wrong with the policy itself: a pinned strategy that is not there."""
        pin = self.policy.pin if self.policy else ""
        if not pin or pin in strategies:
            return ""
        return f"{self.name} pins {pin}, which is not installed"

    def caches(self, request: CopyRequested) -> CacheUse:
        """How a copy uses caches. A prefetch is for whoever may use them."""
        policy = self.policy
        if policy is None:
            return CacheUse.WHEN_REQUIRED
        if request.destination.role is StoreRole.IMAGE_CACHE:
            return next((use for use in policy.uses if use is not CacheUse.NEVER), CacheUse.NEVER)
        to = request.destination.hypervisor
        return policy.caches_of.get(to, policy.caches) if to else policy.caches

    @property
    def name(self) -> str:
        """The policy in a few words."""
        if self.policy is None or self.policy.id == DEFAULT:
            return "the default policy"
        return f"the policy of zone {self.policy.id}"


FREE = Choice()
