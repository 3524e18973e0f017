"""Which endpoint selector is used: the named one, or the best there is."""

from collections.abc import Mapping
from typing import cast

from stowage_contracts.plugins.endpoint_selector import EndpointSelector
from stowage_runtime.plugins import Plugins


def pick(selectors: Plugins, name: str) -> EndpointSelector:
    """The one called ``name``; without a name that of the highest priority, ties by name.

    Raises NotFound.
    """
    if not name:
        known: Mapping[str, EndpointSelector] = selectors
        name = min(known, key=lambda each: (-known[each].priority, each), default="any")
    return cast(EndpointSelector, selectors.pick(name))
