"""An image in memory that counts what is read of it."""


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
