"""reflink: the volume shares the blocks of the pool's copy of the template until it is written."""

from stowage_contracts.plugins.data_motion_strategy import Answer, Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, InstallPlan
from stowage_contracts.values import HopMethod

ABILITY = "reflink"


class Reflink:
    """At once, without bytes of its own, and independent: the base may be deleted afterwards."""

    name = "reflink"

    def can_handle(self, ask: InstallAsk) -> Answer:
        """Able where the pool's file system was seen to share blocks."""
        if ABILITY not in ask.pool.can:
            return _no(
                "the pool's file system was not seen to share blocks",
                "a pool on XFS (reflink=1) or btrfs",
            )
        if ask.held not in (None, ask.wanted):
            return _no(
                f"the pool has the template as {ask.held}, and a clone of it is no {ask.wanted}",
                f"a volume of format {ask.held}",
            )
        reason = "blocks of the pool's own copy are shared: no bytes move, the volume is whole"
        return Answer(priority=Priority.HYPERVISOR, reason=reason)

    def plan(self, ask: InstallAsk) -> InstallPlan:
        """A clone of the pool's copy."""
        return InstallPlan(method=HopMethod.CLONE, base=ask.wanted)


def _no(reason: str, missing: str) -> Answer:
    return Answer(priority=Priority.CANT_HANDLE, reason=reason, missing=missing)
