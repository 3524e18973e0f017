"""TemplateInstallStrategy: how a template becomes a volume on a primary pool."""

from typing import Protocol

from stowage_contracts.hosts import PoolView
from stowage_contracts.plugins.data_motion_strategy import Answer
from stowage_contracts.values import HopMethod, Id, ImageFormat, Value


class InstallAsk(Value):
    """Everything a strategy may look at."""

    template_id: Id
    source_format: ImageFormat
    """Format of the template on the image stores."""
    wanted: ImageFormat
    """Format the volume must have."""
    pool: PoolView
    """With what its host says it can, and the strategy its operator pinned, if any."""
    held: ImageFormat | None = None
    """Format of the copy of the template that the pool has already, or is getting."""


class InstallPlan(Value):
    """How the volume is made."""

    method: HopMethod = HopMethod.COPY
    base: ImageFormat | None = None
    """Format of the pool's own copy of the template that the volume is made of; it is brought
    first where it is missing. None: the volume is made of an image store's replica."""


class TemplateInstallStrategy(Protocol):
    """One way to make volumes (entry-point group ``stowage.template_install_strategy``); pure."""

    name: str

    def can_handle(self, ask: InstallAsk) -> Answer:
        """How well this strategy fits, and why."""
        ...

    def plan(self, ask: InstallAsk) -> InstallPlan:
        """Only called when it can handle."""
        ...
