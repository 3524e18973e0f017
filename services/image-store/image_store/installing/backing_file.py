"""backing-file: a linked clone, a qcow2 overlay that stands on the pool's copy of the template."""

from stowage_contracts.plugins.data_motion_strategy import Answer, Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, InstallPlan
from stowage_contracts.values import HopMethod, ImageFormat

ABILITY = "overlay"
_BASES = (ImageFormat.QCOW2, ImageFormat.RAW)


class BackingFile:
    """Only where the operator asks for it: its volumes need the pool's copy as long as they live,
    and cannot leave the pool without it."""

    name = "backing-file"

    def can_handle(self, ask: InstallAsk) -> Answer:
        """Able on pools that ask for it, for qcow2 volumes."""
        why, missing = _lack(ask)
        if why:
            return Answer(priority=Priority.CANT_HANDLE, reason=why, missing=missing)
        reason = "an empty overlay stands on the pool's own copy, which is kept as long as it lives"
        return Answer(priority=Priority.HYPERVISOR, reason=reason)

    def plan(self, ask: InstallAsk) -> InstallPlan:
        """An overlay on what the pool has, or on the template as the image stores have it."""
        return InstallPlan(method=HopMethod.BACKING, base=ask.held or ask.source_format)


def _lack(ask: InstallAsk) -> tuple[str, str]:
    if ask.pool.install != BackingFile.name:
        return "linked clones are made only where a pool asks for them", ""
    if ABILITY not in ask.pool.can:
        return "its host makes no overlays", "qemu-img at the pool's host"
    if ask.wanted is not ImageFormat.QCOW2:
        return f"an overlay is qcow2, not {ask.wanted}", "a volume of format qcow2"
    base = ask.held or ask.source_format
    if base not in _BASES:
        return f"an overlay cannot stand on {base}", "a template of format qcow2 or raw"
    return "", ""
