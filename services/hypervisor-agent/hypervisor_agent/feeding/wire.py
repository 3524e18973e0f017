"""How agents reach each other: by TLS wherever a host is crossed."""

import ssl
from dataclasses import dataclass, field

import aiohttp
from stowage_contracts.errors import InvalidInput
from stowage_runtime.crossing import check_crossing

CONNECT_SECONDS = 3.0


@dataclass(frozen=True)
class Wire:
    """Whom an agent trusts."""

    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """None trusts the authorities of the system."""
    plaintext: bool = False

    @classmethod
    def of(cls, authority: str, *, plaintext: bool) -> "Wire":
        """``authority`` is a PEM file, or empty for the system's. Raises InvalidInput."""
        try:
            tls = ssl.create_default_context(cafile=authority) if authority else None
        except (OSError, ssl.SSLError) as error:
            raise InvalidInput(
                f"the peers' authority cannot be used: {type(error).__name__}",
                resource=authority,
                code="certificate",
                hint="name a PEM file in STOWAGE_AGENT_PEER_CA",
            ) from None
        return cls(tls, plaintext)

    def reaches(self, url: str) -> bool:
        """Whether a door at ``url`` may be asked at all."""
        try:
            check_crossing(url, "STOWAGE_AGENT_DOOR_URL", plaintext=self.plaintext)
        except (InvalidInput, ValueError):
            return False
        return url.startswith(("http://", "https://"))

    def session(self, connections: int) -> aiohttp.ClientSession:
        """Connections to one door."""
        tls: ssl.SSLContext | bool = True if self.tls is None else self.tls
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=connections, ssl=tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            read_bufsize=1 << 20,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
        )
