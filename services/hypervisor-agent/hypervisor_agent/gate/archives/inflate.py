"""zlib's decompressor with the face of bz2's and lzma's."""

import zlib

GZIP, PLAIN = 31, -15


class Inflate:
    """Deflated bytes, with gzip's header and sums or without."""

    def __init__(self, *, wrapped: bool) -> None:
        self._zlib = zlib.decompressobj(GZIP if wrapped else PLAIN)
        self._full = False

    @property
    def eof(self) -> bool:
        """Whether the end of the stream was seen."""
        return self._zlib.eof

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out of what was given."""
        return not self._full and not self._zlib.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """At most that many bytes; raises ``zlib.error``."""
        piece = self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece
