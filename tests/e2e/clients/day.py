"""What an operator's clients have to work with, whatever language they are written in."""

from __future__ import annotations

import hashlib
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.deployment import API_KEY
from tests.e2e.operator import ZONE

SECRET = "unused"
OTHER = "z2"
"""A second zone, with a store."""


@dataclass(frozen=True)
class Day:
    """One client's: its own folder for a store, and images to fetch."""

    url: str
    """The query API."""
    image: str
    """URL of a raw image."""
    sha256: str
    """Its content, as ``sha256:hex``."""
    missing: str
    """URL of one that is not there."""
    iso: str
    snapshot: str
    """A snapshot of the client's own, Ready."""
    root: Path

    @property
    def env(self) -> dict[str, str]:
        """The same for a program."""
        return {
            "URL": self.url,
            "KEY": API_KEY,
            "SECRET": SECRET,
            "ZONE": ZONE,
            "OTHER": OTHER,
            "ROOT": str(self.root),
            "IMAGE": self.image,
            "MISSING": self.missing,
            "SNAPSHOT": self.snapshot,
        }


def read(url: str) -> str:
    """``sha256:hex`` of what a link leads to."""
    with urllib.request.urlopen(url, timeout=30) as reply:
        return f"sha256:{hashlib.sha256(reply.read()).hexdigest()}"
