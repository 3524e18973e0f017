"""Images in memory that count what is read of them."""

from collections.abc import Mapping


class MemoryImage:
    """Ranged reads over bytes."""

    def __init__(self, data: bytes) -> None:
        self.size = len(data)
        self.reads: list[int] = []
        """The length of each read, in bytes."""
        self._data = data

    async def read(self, offset: int, length: int) -> bytes:
        """The bytes; asking past the end is a fault of the asker."""
        assert offset >= 0
        assert offset + length <= self.size
        self.reads.append(length)
        return self._data[offset : offset + length]


class SparseImage:
    """A large image of zeros, but for some pieces by their offset."""

    def __init__(self, size: int, pieces: Mapping[int, bytes]) -> None:
        self.size = size
        self.reads: list[int] = []
        self._pieces = pieces

    async def read(self, offset: int, length: int) -> bytes:
        """As above."""
        assert offset >= 0
        assert offset + length <= self.size
        self.reads.append(length)
        data = bytearray(length)
        for at, piece in self._pieces.items():
            start, end = max(at, offset), min(at + len(piece), offset + length)
            if start < end:
                data[start - offset : end - offset] = piece[start - at : end - at]
        return bytes(data)
