"""What a service that hosts stores does with providers: settings checked, drivers kept open."""

import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import AddStore
from stowage_contracts.plugins import (
    DataStoreLifecycle,
    DataStoreProvider,
    HypervisorHostListener,
    ImageStoreDriver,
)
from stowage_contracts.views import ProviderView

LINGER_SECONDS = 900.0
"""A driver that was replaced is closed only then: calls begun with it may go on."""


@dataclass(frozen=True)
class StoreRow:
    """What of a store's row makes its driver."""

    id: str
    provider: str
    settings: dict[str, Any]
    sealed: str
    """Secret settings as JSON, sealed at rest."""


@dataclass(frozen=True)
class Admitted:
    """Settings that passed, with the secret ones apart."""

    provider: str
    """Its own spelling of its name, so that one place is never known under two."""
    settings: dict[str, Any]
    secrets: bytes = field(repr=False)


class Hosted:
    """Providers by name, and one open driver per store and secret.

    A driver is kept under all that made it, so that a rotated secret opens a new one and two
    stores never share a key.
    """

    def __init__(
        self, providers: Mapping[str, DataStoreProvider], unseal: Callable[[StoreRow], bytes]
    ) -> None:
        self._providers = {provider.name.lower(): provider for provider in providers.values()}
        self._unseal = unseal
        self._open: dict[str, tuple[StoreRow, ImageStoreDriver]] = {}
        self._replaced: list[tuple[float, ImageStoreDriver]] = []

    def offered(self) -> tuple[ProviderView, ...]:
        """Every provider with its form."""
        return tuple(
            ProviderView(
                id=each.name.lower(),
                name=each.name,
                roles=each.roles,
                scopes=each.scopes,
                settings=each.settings.model_json_schema(),
            )
            for each in sorted(self._providers.values(), key=lambda each: each.name.lower())
        )

    def provider(self, name: str) -> DataStoreProvider:
        """Raises InvalidInput naming the installed ones."""
        found = self._providers.get(name.lower())
        if found is None:
            known = ", ".join(sorted(each.name for each in self._providers.values()))
            raise InvalidInput(
                f"unknown provider {name!r}", code="provider", hint=f"one of {known}"
            )
        return found

    def admit(self, asked: AddStore, secrets: bytes) -> Admitted:
        """Check role, scope and settings; raises InvalidInput without echoing a value.

        ``secrets`` are the opened secret settings: JSON, or nothing.
        """
        provider = self.provider(asked.provider)
        if asked.role not in provider.roles:
            raise InvalidInput(f"{provider.name} stores cannot be {asked.role}", code="role")
        if asked.scope.type not in provider.scopes:
            raise InvalidInput(
                f"{provider.name} stores have no {asked.scope.type} scope", code="scope"
            )
        return _admitted(provider, asked.settings | _parsed(secrets))

    def admit_change(
        self, row: StoreRow, settings: Mapping[str, Any] | None, secrets: bytes
    ) -> Admitted:
        """Check changed settings and opened secrets of a store; what is not named stays.

        Raises InvalidInput without echoing a value.
        """
        changed = {**row.settings, **(settings or {})}
        kept = json.loads(self._unseal(row)) if row.sealed else {}
        return _admitted(self.provider(row.provider), changed | kept | _parsed(secrets))

    async def driver(self, row: StoreRow) -> ImageStoreDriver:
        """The driver of a store; raises InvalidInput when its row cannot be opened."""
        known = self._open.get(row.id)
        if known is not None and known[0] == row:
            return known[1]
        driver = self._opened(row)
        if known is not None:
            self._replaced.append((time.monotonic(), known[1]))
        self._open[row.id] = row, driver
        await self._close_replaced(LINGER_SECONDS)
        return driver

    @asynccontextmanager
    async def trial(self, row: StoreRow) -> AsyncIterator[ImageStoreDriver]:
        """A driver beside the store's own, closed on leaving."""
        driver = self._opened(row)
        try:
            yield driver
        finally:
            await _close(driver)

    async def lifecycle(self, row: StoreRow) -> DataStoreLifecycle:
        """What a store does when its state changes."""
        return self.provider(row.provider).lifecycle(await self.driver(row))

    async def listener(self, row: StoreRow) -> HypervisorHostListener | None:
        """Who hears of hosts in a store's scope."""
        return self.provider(row.provider).host_listener(await self.driver(row))

    def _opened(self, row: StoreRow) -> ImageStoreDriver:
        secrets = json.loads(self._unseal(row)) if row.sealed else {}
        provider = self.provider(row.provider)
        return provider.open(_validated(provider, row.settings | secrets))

    @property
    def opened(self) -> frozenset[str]:
        """Stores whose driver is open."""
        return frozenset(self._open)

    async def forget(self, store_id: str) -> None:
        """Close the driver of a store that is gone."""
        _, driver = self._open.pop(store_id, (None, None))
        if driver is not None:
            await _close(driver)

    async def _close_replaced(self, after: float) -> None:
        due = [pair for pair in self._replaced if time.monotonic() - pair[0] >= after]
        self._replaced = [pair for pair in self._replaced if pair not in due]
        for _, driver in due:
            await _close(driver)

    async def close(self) -> None:
        """Close every driver."""
        for store_id in list(self._open):
            await self.forget(store_id)
        await self._close_replaced(0)


async def _close(driver: ImageStoreDriver) -> None:
    close = getattr(driver, "aclose", None)
    if close is not None:
        await close()


def _admitted(provider: DataStoreProvider, given: dict[str, Any]) -> Admitted:
    settings = _validated(provider, given)
    hidden = {
        name: value.get_secret_value()
        for name in type(settings).model_fields
        if isinstance(value := getattr(settings, name), SecretStr)
    }
    plain = settings.model_dump(mode="json", exclude=set(hidden))
    return Admitted(provider.name, plain, json.dumps(hidden).encode())


def _parsed(secrets: bytes) -> dict[str, Any]:
    try:
        found = json.loads(secrets or b"{}")
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput(
            "the sealed secrets are no JSON object",
            code="secret",
            hint='seal {"<setting>": "<value>"} for the store\'s id',
        )
    return found


def _validated(provider: DataStoreProvider, settings: dict[str, Any]) -> BaseModel:
    try:
        return provider.settings.model_validate(settings)
    except ValidationError as error:
        rows = [f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors()]
        raise InvalidInput("; ".join(rows), code="store_settings") from None
