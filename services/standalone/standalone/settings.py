"""Where a standalone Stowage lives and listens."""

from dataclasses import dataclass
from pathlib import Path


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

    def make(self) -> None:
        """Create what is missing."""
        for folder in (self.data, self.image_store, self.pool):
            folder.mkdir(mode=0o755, parents=True, exist_ok=True)
