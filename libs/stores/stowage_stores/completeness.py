"""Whether the parts a store holds make the object they are said to make."""

from collections.abc import Sequence

from stowage_contracts.errors import Conflict
from stowage_contracts.grants import PartDone


def check_complete(parts: Sequence[PartDone], size: int, key: str) -> None:
    """Raises Conflict unless ``parts`` are numbered without a gap and sum up to ``size``."""
    missing = sorted(set(range(1, len(parts) + 1)) - {part.number for part in parts})
    if missing:
        raise Conflict(f"part {missing[0]} is missing", resource=key, code="parts")
    found = sum(part.size for part in parts)
    if found != size:
        raise Conflict(
            f"{found} bytes are there, the receipt says {size}",
            resource=key,
            code="size",
            found=found,
            expected=size,
        )
