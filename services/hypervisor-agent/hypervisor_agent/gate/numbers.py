"""Tables of numbers, and how many of many tables to look at."""

import sys
from array import array
from collections.abc import Sequence
from typing import Literal

Order = Literal["big", "little"]
_CODES = {4: "I", 8: "Q"}


def numbers(data: bytes, width: int, order: Order) -> Sequence[int]:
    """Unsigned integers of 4 or 8 bytes; a rest is left out."""
    found = array(_CODES[width], data[: len(data) // width * width])
    if order != sys.byteorder:
        found.byteswap()
    return found


def spread(items: Sequence[int], most: int) -> Sequence[int]:
    """All of them, or as many as wanted, evenly apart."""
    if len(items) <= most:
        return items
    return [items[index * len(items) // most] for index in range(most)]
