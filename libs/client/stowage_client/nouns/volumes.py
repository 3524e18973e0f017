"""Volumes: what all objects do, and moving."""

from stowage_contracts.views import CopyView, VolumeView

from stowage_client.answers import RegisteredVolume
from stowage_client.nouns.collection import given
from stowage_client.nouns.objects import Objects
from stowage_client.session import Ask


class Volumes(Objects[VolumeView, RegisteredVolume]):
    """Volumes on image stores and primary pools."""

    async def move(self, id: str, store_id: str, *, priority: int | None = None) -> CopyView:
        """Have it on another store, and no more where it is; the copy that does so."""
        body = given({"store_id": store_id, "priority": priority})
        return await self._ask(CopyView, Ask("POST", f"{self._path}/{id}/move", body))
