"""What intents are given to work on."""

from stowage_contracts.values import Id, Value

RESERVE_CACHE = "reserve_cache"


class ReserveFor(Value):
    """A copy that waits for space on a cache store."""

    copy_id: Id
