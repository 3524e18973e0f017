"""A real gateway in this process, and the command and client in front of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import structlog
from api_gateway.deps import Deps
from stowage_client import Client
from stowage_client.__main__ import main
from stowage_runtime.http.server import HttpServer

from tests.unit.api_gateway.conftest import ADMIN_KEY, bench, made_keys, server, settings

__all__ = ["bench", "made_keys", "server", "settings"]


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Coroutine[Any, Any, Ended]]


@pytest.fixture
def url(server: HttpServer[Deps]) -> str:
    return f"http://127.0.0.1:{server.port}"


@pytest.fixture
async def client(url: str) -> AsyncIterator[Client]:
    async with Client(url, ADMIN_KEY) as client:
        yield client


@pytest.fixture
def stowage(
    url: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    """Runs the command in a thread, as it brings its own event loop."""
    monkeypatch.setenv("STOWAGE_URL", url)
    monkeypatch.setenv("STOWAGE_API_KEY", ADMIN_KEY)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> int:
        try:
            main(arguments)
        except SystemExit as ended:
            return ended.code if isinstance(ended.code, int) else 0
        return 0

    async def command(*arguments: str) -> Ended:
        code = await asyncio.to_thread(run, *arguments)
        return Ended(code, *capfd.readouterr())

    return command


async def printed(capfd: pytest.CaptureFixture[str], text: str) -> str:
    """What a running command printed, once it printed ``text``."""
    seen = ""
    async with asyncio.timeout(20):
        while text not in seen:
            await asyncio.sleep(0.02)
            seen += capfd.readouterr().out
    return seen


@pytest.fixture(autouse=True)
def logs_apart() -> Iterator[None]:
    """What the gateway of this process logs is not what the command prints."""
    kept = structlog.get_config()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.configure(**kept)
