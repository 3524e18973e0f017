"""full-copy: the volume gets bytes of its own, from an image store."""

from stowage_contracts.plugins.data_motion_strategy import Answer, Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, InstallPlan


class FullCopy:
    """Works everywhere, and depends on nothing afterwards."""

    name = "full-copy"

    def can_handle(self, ask: InstallAsk) -> Answer:
        """Always able."""
        reason = "the volume gets all bytes of the template, whole and independent"
        return Answer(priority=Priority.DEFAULT, reason=reason)

    def plan(self, ask: InstallAsk) -> InstallPlan:
        """A copy from an image store's replica."""
        return InstallPlan()
