"""What handlers, intents and timers are given."""

from collections.abc import Mapping
from dataclasses import dataclass

from stowage_contracts.plugins.data_motion_strategy import DataMotionStrategy
from stowage_contracts.plugins.endpoint_selector import EndpointSelector

from data_motion.model.limits import Rules


@dataclass(frozen=True)
class Deps:
    """Plug-ins and rules; nothing here touches the outside."""

    strategies: Mapping[str, DataMotionStrategy]
    selector: EndpointSelector
    rules: Rules
    keep_days: float = 30
