"""A file descriptor that many threads use and that is closed after the last of them."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Descriptor:
    """Owns ``number``; a number closed too early could name somebody else's file."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._users = 0
        self._closing = False
        self._lock = threading.Lock()

    @contextmanager
    def use(self) -> Iterator[int]:
        """The descriptor, open for the length of the block. Raises OSError once closed."""
        with self._lock:
            if self._closing:
                raise OSError(9, "the file was closed")
            self._users += 1
        try:
            yield self._number
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            last = self._closing and not self._users
        if last:
            os.close(self._number)

    def close(self) -> None:
        """Close now, or when the last user leaves; idempotent."""
        with self._lock:
            now = not self._closing and not self._users
            self._closing = True
        if now:
            os.close(self._number)
