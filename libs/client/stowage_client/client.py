"""The typed client: ``async with Client(url, api_key) as stowage: …``."""

from typing import Self

from stowage_contracts.caching import TransportVmView
from stowage_contracts.views import (
    ClusterView,
    CopyView,
    HostView,
    PodView,
    ProviderView,
    SnapshotView,
    StoreView,
    TemplateView,
    VolumeView,
    ZoneView,
)

from stowage_client.answers import (
    AccountView,
    DomainView,
    KeyPair,
    LinkView,
    RegisteredSnapshot,
    RegisteredTemplate,
    RegisteredVolume,
    UserView,
)
from stowage_client.events import EventStream
from stowage_client.nouns.accounts import Accounts, Domains, Users
from stowage_client.nouns.caches import Entries, Fleets, Vms
from stowage_client.nouns.copies import Copies
from stowage_client.nouns.imports import Imports
from stowage_client.nouns.links import Links
from stowage_client.nouns.objects import Objects
from stowage_client.nouns.placement import Placement
from stowage_client.nouns.places import Hosts, Places
from stowage_client.nouns.policies import Policies
from stowage_client.nouns.sinks import Sinks
from stowage_client.nouns.stores import Providers, Stores
from stowage_client.nouns.volumes import Volumes
from stowage_client.session import Session


class Client:
    """One account's view of one gateway."""

    def __init__(self, url: str, api_key: str, *, patience: float = 10.0) -> None:
        """``patience``: how long, in seconds, an unavailable gateway is tried again."""
        self._session = session = Session(url, api_key, patience)
        self.zones = Places(session, "zones", ZoneView)
        self.pods = Places(session, "pods", PodView)
        self.clusters = Places(session, "clusters", ClusterView)
        self.hosts = Hosts(session, "hosts", HostView)
        self.providers = Providers(session, "providers", ProviderView)
        self.stores = Stores(session, "stores", StoreView)
        self.templates = Objects(session, "templates", TemplateView, RegisteredTemplate)
        self.volumes = Volumes(session, "volumes", VolumeView, RegisteredVolume)
        self.snapshots = Objects(session, "snapshots", SnapshotView, RegisteredSnapshot)
        self.imports = Imports(session)
        self.links = Links(session, "links", LinkView)
        self.placement = Placement(session)
        self.copies = Copies(session, "copies", CopyView)
        self.policies = Policies(session)
        self.sinks = Sinks(session)
        self.fleets = Fleets(session)
        self.vms = Vms(session, "transport-vms", TransportVmView)
        self.entries = Entries(session)
        self.domains = Domains(session, "domains", DomainView)
        self.accounts = Accounts(session, "accounts", AccountView)
        self.users = Users(session, "users", UserView)

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
        return await self.accounts.add(name, admin=admin)
