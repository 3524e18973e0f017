"""The typed client: ``async with Client(url, api_key) as stowage: …``."""

from collections.abc import AsyncIterator
from typing import Any, Generic, Self, TypeVar

from stowage_contracts.values import Value
from stowage_contracts.views import (
    ClusterView,
    CopyView,
    HostView,
    PodView,
    StoreView,
    TemplateView,
    ZoneView,
)

from stowage_client.answers import AnnouncedHost, Explanation, KeyPair, Page, RegisteredTemplate
from stowage_client.events import EventStream
from stowage_client.session import Ask, Session

V = TypeVar("V", bound=Value)
A = TypeVar("A", bound=Value)
PAGE = 200
LONGEST_WAIT = 30.0
"""Seconds of one request; a longer wait asks again."""


class Collection(Generic[V]):
    """All resources of one noun; every method raises StowageError."""

    def __init__(self, session: Session, path: str, view: type[V]) -> None:
        self._session, self._path, self._view = session, f"/v1/{path}", view

    async def list(self, **filters: Any) -> AsyncIterator[V]:
        """Each of them, newest first, page by page."""
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": PAGE, "cursor": cursor, **filters}
            found = await self._session.call(Ask("GET", self._path, query=query))
            page = Page[dict[str, Any]].model_validate(found)
            for item in page.items:
                yield self._view.model_validate(item)
            cursor = page.next

    async def show(self, id: str, *, wait: float = 0) -> V:
        """One of them; with ``wait`` once it has settled, at most so many seconds later."""
        ask = Ask("GET", f"{self._path}/{id}", wait=min(wait, LONGEST_WAIT))
        return self._view.model_validate(await self._session.call(ask))

    async def _add(self, kind: type[A], body: dict[str, Any], *, once: bool = False) -> A:
        given = {name: value for name, value in body.items() if value is not None}
        return kind.model_validate(
            await self._session.call(Ask("POST", self._path, given, once=once))
        )

    async def _do(self, method: str, path: str) -> V:
        return self._view.model_validate(
            await self._session.call(Ask(method, f"{self._path}/{path}"))
        )


class Places(Collection[V]):
    """Zones, pods or clusters."""

    async def add(self, name: str, **fields: Any) -> V:
        """Create one: ``zone_id`` for a pod; ``pod_id`` and ``hypervisor`` for a cluster."""
        return await self._add(self._view, {"name": name, **fields})


class Hosts(Collection[HostView]):
    """Hosts and plain movers."""

    async def add(self, name: str, hypervisor: str, **fields: Any) -> AnnouncedHost:
        """Announce one (``cluster_id``, or ``zone_id`` for a mover); the token is shown once."""
        body = {"name": name, "hypervisor": hypervisor, **fields}
        return await self._add(AnnouncedHost, body, once=True)

    async def token(self, id: str) -> AnnouncedHost:
        """A new join token; the old one stops working."""
        ask = Ask("POST", f"{self._path}/{id}/token", once=True)
        return AnnouncedHost.model_validate(await self._session.call(ask))


class Stores(Collection[StoreView]):
    """Data stores."""

    async def add(self, name: str, provider: str, **fields: Any) -> StoreView:
        """Prove and add one: ``role``, ``scope``, ``scope_id``, ``settings``, ``secrets``."""
        return await self._add(StoreView, {"name": name, "provider": provider, **fields})

    async def probe(self, id: str) -> StoreView:
        """Ask its owner to probe it again."""
        return await self._do("POST", f"{id}/probe")

    async def remove(self, id: str) -> StoreView:
        """Ask its owner to remove it."""
        return await self._do("DELETE", id)


class Templates(Collection[TemplateView]):
    """Templates and ISOs."""

    async def register(self, name: str, url: str, format: str, **fields: Any) -> RegisteredTemplate:
        """Fetch an image: ``hypervisor``, ``zone_id``, ``checksum``, ``store_id``, ``id``."""
        body = {"name": name, "url": url, "format": format, **fields}
        return await self._add(RegisteredTemplate, body)

    async def delete(self, id: str) -> TemplateView:
        """Hide it and delete its replicas."""
        return await self._do("DELETE", id)


class Copies(Collection[CopyView]):
    """Copies to primary storage, and the ones that fetch templates."""

    async def start(self, template_id: str, store_id: str, **fields: Any) -> CopyView:
        """Ask for one: ``volume_id``, ``format``, ``priority``, ``id``."""
        return await self._add(
            CopyView, {"template_id": template_id, "store_id": store_id, **fields}
        )

    async def cancel(self, id: str) -> CopyView:
        """Withdraw."""
        return await self._do("POST", f"{id}/cancel")

    async def explain(self, id: str) -> Explanation:
        """Every strategy's answer, the hops, and what is being waited for."""
        ask = Ask("GET", f"{self._path}/{id}/explain")
        return Explanation.model_validate(await self._session.call(ask))


class Client:
    """One account's view of one gateway."""

    def __init__(self, url: str, api_key: str, *, patience: float = 10.0) -> None:
        """``patience``: how long, in seconds, an unavailable gateway is tried again."""
        self._session = session = Session(url, api_key, patience)
        self.zones = Places(session, "zones", ZoneView)
        self.pods = Places(session, "pods", PodView)
        self.clusters = Places(session, "clusters", ClusterView)
        self.hosts = Hosts(session, "hosts", HostView)
        self.stores = Stores(session, "stores", StoreView)
        self.templates = Templates(session, "templates", TemplateView)
        self.copies = Copies(session, "copies", CopyView)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()

    def events(self, *, noun: str = "", id: str = "", after: str = "") -> EventStream:
        """Events from now on, or after a position; enter it, then iterate."""
        query = {"noun": noun, "id": id, "after": after}
        return EventStream(self._session, query)

    async def add_account(self, name: str, *, admin: bool = False) -> KeyPair:
        """Create an account; its keys are shown once."""
        ask = Ask("POST", "/v1/accounts", {"name": name, "admin": admin}, once=True)
        return KeyPair.model_validate(await self._session.call(ask))
