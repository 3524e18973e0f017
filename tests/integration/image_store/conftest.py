"""image-store's bench with stores in real buckets."""

import pytest

from tests.integration.image_store.bucket import Bucket
from tests.servers.s3 import S3Server
from tests.unit.image_store.conftest import bench, lab, made_keys, scene, settings
from tests.unit.image_store.scene import Scene

__all__ = ["bench", "lab", "made_keys", "scene", "settings"]


@pytest.fixture
def bucket(scene: Scene, s3_server: S3Server, s3_bucket: str) -> Bucket:
    return Bucket(scene, s3_server, s3_bucket)
