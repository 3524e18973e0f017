"""S3Connection: one client per driver, opened at first use."""

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import TYPE_CHECKING

from aiobotocore.config import AioConfig
from aiobotocore.session import AioSession
from botocore.handlers import add_expect_header

from stowage_stores.s3.errors import translated
from stowage_stores.s3.settings import S3Settings

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client

_CONNECT_SECONDS = 5
_ATTEMPTS = 3


class S3Connection:
    """Holds the store's keys; nothing else does."""

    def __init__(self, session: AioSession, settings: S3Settings) -> None:
        self.settings = settings
        self._session = session
        self._open = AsyncExitStack()
        self._opening = asyncio.Lock()
        self._client: S3Client | None = None

    async def client(self) -> "S3Client":
        """The client. Raises Unavailable (``unavailable.tls``) for a bad CA bundle."""
        async with self._opening:
            if self._client is not None:
                return self._client
            await asyncio.to_thread(self._read_descriptions)
            with translated(self.settings.endpoint):
                client = await self._open.enter_async_context(self._made())
            # aiohttp has no deadline while it waits for "100 Continue", and our bodies are small
            client.meta.events.unregister("before-call.s3", add_expect_header)
            self._client = client
            return client

    async def aclose(self) -> None:
        """Close connections; a later call opens them again."""
        async with self._opening:
            self._client = None
            await self._open.aclose()

    def _made(self) -> "AbstractAsyncContextManager[S3Client]":
        told = self.settings
        return self._session.create_client(
            "s3",
            endpoint_url=told.endpoint,
            region_name=told.region,
            aws_access_key_id=told.access_key.get_secret_value(),
            aws_secret_access_key=told.secret_key.get_secret_value(),
            verify=told.ca_bundle or None,
            config=self._config(),
        )

    def _config(self) -> AioConfig:
        told = self.settings
        return AioConfig(
            signature_version="s3v4",  # every server tried speaks it; nothing needs version 2
            s3={"addressing_style": told.addressing},
            connect_timeout=min(_CONNECT_SECONDS, told.timeout_seconds),
            read_timeout=told.timeout_seconds,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            request_checksum_calculation=told.checksums,
            response_checksum_validation=told.checksums,
            max_pool_connections=32,
        )

    def _read_descriptions(self) -> None:
        loader = self._session.get_component("data_loader")
        loader.load_service_model("s3", "service-2")
        loader.load_service_model("s3", "endpoint-rule-set-1")
        loader.load_data("endpoints")
