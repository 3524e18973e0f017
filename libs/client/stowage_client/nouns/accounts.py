"""Domains, accounts and users."""

from typing import Any

from stowage_client.answers import (
    AccountLimits,
    AccountView,
    DomainView,
    KeyPair,
    UserList,
    UserView,
)
from stowage_client.nouns.collection import Collection, V, given
from stowage_client.session import Ask


class Bounded(Collection[V]):
    """What has limits."""

    async def limits(self, id: str) -> AccountLimits:
        """How much it may have; None where it may have as much as it likes."""
        return await self._ask(AccountLimits, Ask("GET", f"{self._path}/{id}/limits"))

    async def bound(self, id: str, limits: AccountLimits) -> AccountLimits:
        """Set all limits of it."""
        ask = Ask("PUT", f"{self._path}/{id}/limits", limits.model_dump())
        return await self._ask(AccountLimits, ask)

    async def remove(self, id: str) -> V:
        """End it; refused while it has something."""
        return await self._do("DELETE", id)


class Domains(Bounded[DomainView]):
    """A tree that accounts stand in."""

    async def add(self, name: str, **fields: Any) -> DomainView:
        """Create one: ``parent_id``, ``id``, ``network_domain``."""
        return await self._add(self.view, {"name": name, **fields})


class Accounts(Bounded[AccountView]):
    """Accounts, with their users."""

    async def add(self, name: str, **fields: Any) -> KeyPair:
        """Create one (``role``, ``domain_id``); its keys are shown once."""
        return await self._add(KeyPair, {"name": name, **fields}, once=True)

    async def change(self, id: str, **fields: Any) -> AccountView:
        """Change ``name``, ``role`` or ``state`` (enabled, disabled, locked)."""
        return await self._do("PATCH", id, given(fields))

    async def users(self, id: str) -> tuple[UserView, ...]:
        """Who acts for it."""
        found = await self._ask(UserList, Ask("GET", f"{self._path}/{id}/users"))
        return found.items

    async def add_user(self, id: str, name: str, **fields: Any) -> UserView:
        """Add one: ``password``, ``first_name``, ``last_name``, ``email``, ``timezone``."""
        body = given({"name": name, **fields})
        return await self._ask(UserView, Ask("POST", f"{self._path}/{id}/users", body))


class Users(Collection[UserView]):
    """Users by their ids."""

    async def remove(self, id: str) -> UserView:
        """End one, with its keys."""
        return await self._do("DELETE", id)

    async def add_keys(self, id: str) -> KeyPair:
        """One more pair of keys, shown once."""
        return await self._ask(KeyPair, Ask("POST", f"{self._path}/{id}/keys", once=True))
