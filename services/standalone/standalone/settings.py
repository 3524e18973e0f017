"""Where a standalone Stowage lives and listens."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stowage_contracts.errors import Conflict


@dataclass(frozen=True)
class Home:
    """The folders of one standalone cloud, all under ``data``."""

    data: Path

    @property
    def postgres(self) -> Path:
        """The embedded database."""
        return self.data / "postgres"

    @property
    def secrets(self) -> Path:
        """Keys, mode 600."""
        return self.data / "secrets"

    @property
    def image_store(self) -> Path:
        """The directory store it comes up with."""
        return self.data / "image-store"

    @property
    def pool(self) -> Path:
        """The KVM host's primary storage."""
        return self.data / "primary"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make the folders and keep other processes out; raises Conflict when one is in."""
        self._make()
        with (self.data / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(
                    "another process runs on this folder",
                    resource=str(self.data),
                    code="in_use",
                    hint="stop it, or give another --data",
                ) from None
            yield

    def _make(self) -> None:
        """Create what is missing."""
        for folder in (self.data, self.image_store, self.pool):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
