"""image-store on a real database, with a real bucket."""

from tests.unit.image_store.conftest import bench, lab, made_keys, scene, settings

__all__ = ["bench", "lab", "made_keys", "scene", "settings"]
