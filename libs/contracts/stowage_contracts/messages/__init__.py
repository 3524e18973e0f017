"""Every message, by wire name; one module per service that owns the noun."""

from stowage_contracts.message import Message
from stowage_contracts.messages import cache_autoscaler, data_motion, hypervisor_agent, image_store

_OWNERS = (image_store, data_motion, cache_autoscaler, hypervisor_agent)

MESSAGES: dict[str, type[Message]] = {
    name: item
    for module in _OWNERS
    for name, item in vars(module).items()
    if isinstance(item, type)
    and issubclass(item, Message)
    and item.__module__.startswith(module.__name__)
    if hasattr(item, "kind") and item.subject_form
}
"""Wire name → class."""
