"""Where the parts of a multipart write begin and how big they are.

Part n (from 1) of a grant has ``part_size`` bytes; with ``part_growth`` g > 0 every g parts the
size doubles, so that a write of unknown length begins with small parts and still fits a store's
part limit. The last part of an object may be shorter.
"""

from stowage_contracts.values import Bytes


def size_of_part(number: int, part_size: Bytes, growth: int = 0) -> Bytes:
    """Bytes of part ``number`` unless it is the last."""
    return part_size << ((number - 1) // growth) if growth else part_size


def offset_of_part(number: int, part_size: Bytes, growth: int = 0) -> Bytes:
    """Where part ``number`` begins in the object."""
    if not growth:
        return (number - 1) * part_size
    doubled, rest = divmod(number - 1, growth)
    return growth * part_size * ((1 << doubled) - 1) + rest * (part_size << doubled)


def part_of_offset(offset: Bytes, part_size: Bytes, growth: int = 0) -> int:
    """Number of the part that holds the byte at ``offset``."""
    if not growth:
        return offset // part_size + 1
    run = growth * part_size
    doubled = (offset // run + 1).bit_length() - 1
    rest = offset - run * ((1 << doubled) - 1)
    return doubled * growth + rest // (part_size << doubled) + 1


def count_of_parts(size: Bytes, part_size: Bytes, growth: int = 0) -> int:
    """How many parts an object of ``size`` bytes has; none when it is empty."""
    return part_of_offset(size - 1, part_size, growth) if size else 0
