"""DataStoreLifecycle and HypervisorHostListener: what a store does when its own state changes."""

from typing import Protocol

from stowage_contracts.values import Scope
from stowage_contracts.views import HostView


class DataStoreLifecycle(Protocol):
    """Called by the store's owner, each call repeated until it succeeds: all are idempotent.

    Raises StowageError; the owner shows it on the store.
    """

    async def initialize(self) -> None:
        """Make what the store needs before it is probed for the first time."""
        ...

    async def attach(self, scope: Scope) -> None:
        """Make it reachable from a region, zone, pod, cluster or host, before it is Up."""
        ...

    async def maintain(self) -> None:
        """No new grants are made from now on."""
        ...

    async def cancel_maintain(self) -> None:
        """Grants are made again."""
        ...

    async def drain(self) -> None:
        """Nothing new is written from now on; what is there is read until it has moved."""
        ...

    async def delete(self) -> None:
        """The store holds nothing more and is forgotten."""
        ...


class HypervisorHostListener(Protocol):
    """Hears of hosts in a store's scope, at least once each time."""

    async def host_connected(self, host: HostView) -> None:
        """An agent joined."""
        ...

    async def host_disconnected(self, host: HostView) -> None:
        """An agent fell silent."""
        ...


class PlainLifecycle:
    """A store that needs nothing done when its state changes."""

    async def initialize(self) -> None:
        """Nothing is made."""

    async def attach(self, scope: Scope) -> None:
        """Reachable from anywhere."""

    async def maintain(self) -> None:
        """The owner makes no grants; the store need not know."""

    async def cancel_maintain(self) -> None:
        """As ``maintain``."""

    async def drain(self) -> None:
        """The owner places nothing; the store need not know."""

    async def delete(self) -> None:
        """Nothing was made."""
