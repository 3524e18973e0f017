"""Where the parts of one multipart write begin and how long they are."""

from stowage_contracts.parts import count_of_parts, offset_of_part, part_of_offset, size_of_part
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import Range

MOST_PARTS = 10_000


class Layout:
    """Parts by number from 1; ``size`` is None while the length isn't known."""

    def __init__(self, part_size: int, growth: int, shape: WriteShape) -> None:
        self._rule = (part_size, growth)
        self.size = None if shape.grows else shape.size

    @property
    def last(self) -> int:
        """The highest number there will be."""
        return MOST_PARTS if self.size is None else max(1, count_of_parts(self.size, *self._rule))

    def number(self, offset: int) -> int:
        """Of the part that holds a byte."""
        return part_of_offset(offset, *self._rule)

    def numbers(self, extent: Range) -> range:
        """Of the parts an extent covers."""
        return range(self.number(extent.offset), self.number(extent.end - 1) + 1)

    def offset(self, number: int) -> int:
        """Where a part begins."""
        return offset_of_part(number, *self._rule)

    def length(self, number: int) -> int:
        """Bytes of a part; not above 0 where there is none."""
        whole = size_of_part(number, *self._rule)
        return whole if self.size is None else min(whole, self.size - self.offset(number))

    def place(self, offset: int, length: int) -> tuple[int, bool, bool]:
        """Part number, and whether these bytes begin and end it."""
        number = self.number(offset)
        start = self.offset(number)
        return number, offset == start, offset + length == start + self.length(number)
