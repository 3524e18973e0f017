"""cache-autoscaler with an NFS server of its own, which the tests freeze."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.cache_autoscaler.scene import Scene, opened_scene


@pytest.fixture
async def scene(tmp_path: Path, database_url: str) -> AsyncIterator[Scene]:
    async with opened_scene(tmp_path, database_url) as scene:
        yield scene
