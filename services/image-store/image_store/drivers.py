"""Opens store drivers from their rows; one driver per store and secret."""

import json
from collections.abc import Mapping
from typing import Any

from asyncpg import Record
from pydantic import BaseModel, SecretStr, ValidationError
from stowage_contracts.errors import InvalidInput
from stowage_contracts.plugins import DataStoreProvider, ImageStoreDriver
from stowage_runtime.secrets import RowCipher


class Drivers:
    """Drivers of this service's stores.

    A driver is kept under store id, settings and sealed secret together, so that a rotated
    secret opens a new one and two stores never share a key.
    """

    def __init__(self, providers: Mapping[str, DataStoreProvider], cipher: RowCipher) -> None:
        self._providers = {provider.name.lower(): provider for provider in providers.values()}
        self._cipher = cipher
        self._open: dict[str, tuple[str, ImageStoreDriver]] = {}

    def provider(self, name: str) -> DataStoreProvider:
        """Raises InvalidInput naming the installed ones."""
        found = self._providers.get(name.lower())
        if found is None:
            known = ", ".join(sorted(p.name for p in self._providers.values()))
            raise InvalidInput(
                f"unknown provider {name!r}", code="provider", hint=f"one of {known}"
            )
        return found

    def settings(self, name: str, plain: dict[str, Any], secrets: dict[str, Any]) -> BaseModel:
        """The provider's validated settings; raises InvalidInput without echoing a value."""
        try:
            return self.provider(name).settings.model_validate({**plain, **secrets})
        except ValidationError as error:
            rows = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
            raise InvalidInput("; ".join(rows), code="store_settings") from None

    def driver(self, row: Record) -> ImageStoreDriver:
        """The driver of a store row (``image_data_store``)."""
        version = json.dumps([row["provider"], row["settings"], row["sealed"]], sort_keys=True)
        known = self._open.get(row["id"])
        if known is None or known[0] != version:
            known = version, self._make(row)
            self._open[row["id"]] = known
        return known[1]

    def _make(self, row: Record) -> ImageStoreDriver:
        sealed = row["sealed"]
        secrets = json.loads(self._cipher.open(sealed, store_row(row["id"]))) if sealed else {}
        settings = self.settings(row["provider"], row["settings"], secrets)
        return self.provider(row["provider"]).open(settings)

    def forget(self, store_id: str) -> None:
        """Drop the driver of a removed store."""
        self._open.pop(store_id, None)

    async def close(self) -> None:
        """Close what drivers hold open."""
        for _, driver in self._open.values():
            close = getattr(driver, "aclose", None)
            if close is not None:
                await close()
        self._open.clear()


def store_row(store_id: str) -> str:
    """What a store's sealed secrets are bound to."""
    return f"image_data_store/{store_id}"


def public_settings(settings: BaseModel) -> dict[str, Any]:
    """Settings without their secret fields, as JSON values."""
    hidden = {name for name in type(settings).model_fields if is_secret(settings, name)}
    return settings.model_dump(mode="json", exclude=hidden)


def is_secret(settings: BaseModel, name: str) -> bool:
    """Whether a settings field is a secret."""
    return isinstance(getattr(settings, name), SecretStr)
