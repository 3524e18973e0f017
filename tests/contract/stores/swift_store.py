"""A driver on a container of the tests' Swift servers."""

from typing import Any

from pydantic import SecretStr
from stowage_stores.swift import SwiftDriver, SwiftProvider, SwiftSettings

from tests.servers.swift_server import SwiftServer

SEGMENT = 4 << 20
LINK_KEY = "link-key-of-the-tests"


def swift_settings(server: SwiftServer, container: str, **other: Any) -> SwiftSettings:
    """Small pages and segments, so that little data reaches the second of each."""
    told: dict[str, Any] = {
        "auth_url": server.auth_url,
        "user": server.user,
        "key": SecretStr(server.key),
        "container": container,
        "temp_url_key": SecretStr(LINK_KEY),
        "page": 5,
        "segment_bytes": SEGMENT,
    }
    return SwiftSettings.model_validate(told | other)


def swift_driver(server: SwiftServer, container: str, **other: Any) -> SwiftDriver:
    """Open, on a container that exists."""
    return SwiftProvider().open(swift_settings(server, container, **other))
