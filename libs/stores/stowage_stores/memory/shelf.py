"""Shelf: what memory drivers share, and what a memory grant opens."""

import secrets
import time
from dataclasses import dataclass, field
from hashlib import sha256

from stowage_contracts.errors import GrantRefused, NotFound, OutOfSpace
from stowage_contracts.grants import Grant
from stowage_contracts.plugins.image_store_driver import ObjectStat


@dataclass(frozen=True)
class Stored:
    """A committed object."""

    content: bytes
    writer: str

    def described(self, key: str) -> ObjectStat:
        """As drivers tell of it."""
        validator = f'"{sha256(self.content).hexdigest()[:32]}"'
        return ObjectStat(key=key, size=len(self.content), validator=validator)


@dataclass(frozen=True)
class Ticket:
    """What one grant opens."""

    name: str
    writes: bool
    until: float


@dataclass
class Shelf:
    """Objects by key, unfinished parts by writer, live grants by token."""

    name: str
    capacity: int
    objects: dict[str, Stored] = field(default_factory=dict)
    parts: dict[tuple[str, str], bytearray] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    tickets: dict[str, Ticket] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """Bytes of objects and parts."""
        whole = sum(len(stored.content) for stored in self.objects.values())
        return whole + sum(map(len, self.parts.values()))

    def issue(self, key: str, *, writer: str = "", seconds: float) -> str:
        """A uri for one object and direction; dead ones are forgotten."""
        now = time.monotonic()
        self.tickets = {token: one for token, one in self.tickets.items() if one.until > now}
        token = secrets.token_urlsafe(16)
        self.tickets[token] = Ticket(f"{writer}\n{key}", bool(writer), now + seconds)
        return f"memory://{token}"

    def read(self, grant: Grant, offset: int, length: int) -> bytes:
        """Bytes of the granted object. Raises GrantRefused, NotFound."""
        key = self._opened(grant, writes=False).name.partition("\n")[2]
        if key not in self.objects:
            raise NotFound("no such object", resource=key)
        return self.objects[key].content[offset : offset + length]

    def write(self, grant: Grant, offset: int, data: bytes) -> None:
        """Put ``data`` into the granted part. Raises GrantRefused, OutOfSpace."""
        writer, _, key = self._opened(grant, writes=True).name.partition("\n")
        part = self.parts.get((writer, key))
        if part is None:
            raise GrantRefused("the write was given up or committed", resource=key)
        more = max(0, offset + len(data) - len(part))
        if self.used + more > self.capacity:
            raise OutOfSpace("the shelf is full", resource=self.name)
        part.extend(bytes(more))
        part[offset : offset + len(data)] = data

    def _opened(self, grant: Grant, *, writes: bool) -> Ticket:
        uri = grant.uri.get_secret_value() if grant.uri else ""
        ticket = self.tickets.get(uri.removeprefix("memory://"))
        if ticket is None or ticket.until <= time.monotonic() or ticket.writes is not writes:
            raise GrantRefused("expired, unknown or for the other direction", resource=self.name)
        return ticket
