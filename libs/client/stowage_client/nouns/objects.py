"""Templates (and ISOs), volumes and snapshots: the same verbs for all."""

from typing import Any, Generic, TypeVar

from stowage_contracts.views import CopyView, ObjectView

from stowage_client.answers import Availability, LinkView, UploadSession
from stowage_client.nouns.collection import Collection, given
from stowage_client.session import Ask, Session

O = TypeVar("O", bound=ObjectView)  # noqa: E741 - an object
R = TypeVar("R", bound=ObjectView)


class Objects(Collection[O], Generic[O, R]):
    """All objects of one noun; ``R`` is one with the id of the copy that fetches it."""

    def __init__(self, session: Session, path: str, view: type[O], registered: type[R]) -> None:
        super().__init__(session, path, view)
        self._registered = registered

    async def add(self, name: str, format: str, **fields: Any) -> R:
        """Have one made from a ``url``, or (``upload=True``) from bytes sent afterwards.

        ``zone_id`` (otherwise region-wide), ``store_ids, min_copies, max_copies, tags, checksum,
        size, in_place, id``; ``hypervisor`` of a template; ``volume_id, parent_id`` of a snapshot.
        """
        return await self._add(self._registered, {"name": name, "format": format, **fields})

    async def change(self, id: str, **fields: Any) -> O:
        """Another ``name``, ``tags``, ``min_copies`` or ``max_copies``."""
        return await self._do("PATCH", id, given(fields))

    async def delete(self, id: str) -> O:
        """Hide it and delete its replicas."""
        return await self._do("DELETE", id)

    async def copy_to_zone(self, id: str, zone_id: str) -> Availability:
        """Have it in one more zone; told at once where it is there already."""
        ask = Ask("POST", f"{self._path}/{id}/zones", {"zone_id": zone_id})
        return await self._ask(Availability, ask)

    async def prefetch(self, id: str, scope: str, scope_id: str, **fields: Any) -> CopyView:
        """Bring it onto a cache of a scope before anybody asks; the copy that does so.
        ``hold_seconds``, ``priority``, ``id``."""
        body = given({"scope": scope, "scope_id": scope_id, **fields})
        return await self._ask(CopyView, Ask("POST", f"{self._path}/{id}/prefetch", body))

    async def delete_replica(self, id: str, store_id: str) -> O:
        """Delete it from one store; refused for its last good replica."""
        return await self._do("DELETE", f"{id}/replicas/{store_id}")

    async def verify(self, id: str, store_id: str) -> O:
        """Have every byte of a replica read again and compared."""
        return await self._do("POST", f"{id}/replicas/{store_id}/verify")

    async def open_upload(
        self, id: str, *, first_part: int = 1, part_count: int = 0
    ) -> UploadSession:
        """Where to send its bytes, and what has arrived; asked again it goes on."""
        body = {"first_part": first_part, "part_count": part_count}
        ask = Ask("POST", f"{self._path}/{id}/upload", body, keyless=True)
        return await self._ask(UploadSession, ask)

    async def finish_upload(self, id: str, size: int) -> O:
        """Everything was sent: ``size`` bytes."""
        return await self._do("POST", f"{id}/upload/finish", {"size": size})

    async def link(
        self, id: str, *, seconds: int | None = None, file_name: str | None = None
    ) -> LinkView:
        """Allow downloads of this object for some time; ``client.links.url`` makes the URL."""
        body = given({"seconds": seconds, "file_name": file_name})
        return await self._ask(LinkView, Ask("POST", f"{self._path}/{id}/links", body))
