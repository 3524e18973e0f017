"""Grants: short-lived access to one object, one direction. A grant is itself a secret."""

from stowage_contracts.values import Bytes, Instant, Secret, Value


class PartUrl(Value):
    """Where one part of a multipart write is PUT."""

    number: int
    url: Secret


class PartDone(Value):
    """A part the destination already holds: the journal."""

    number: int
    size: Bytes
    etag: str


class FetchRules(Value):
    """What the guarded fetcher may reach for a user-given URL."""

    schemes: tuple[str, ...] = ("http", "https")
    allow: tuple[str, ...] = ()
    """Private networks (CIDR) an operator opened; every other private range is refused."""
    max_redirects: int = 5
    max_bytes: Bytes = 1 << 43


class Grant(Value):
    """Access to one object until ``expires``.

    A read has a ``uri`` (``http(s)://…`` or ``file:///…``) with ``headers``. A write is either
    a ``file:///…`` uri of a temporary part that commit renames, or a multipart ``session`` with
    ``part_size``, the part URLs asked for and the parts already ``done``.
    """

    writes: bool = False
    uri: Secret | None = None
    headers: dict[str, Secret] = {}
    size: Bytes | None = None
    validator: str = ""
    """Strong ETag of the stored object, where known."""
    ranged: bool = True
    session: str = ""
    """Multipart upload id; kept by the grant's owner, useless without its keys."""
    part_size: Bytes = 0
    part_growth: int = 0
    """Every so many parts the size doubles (``stowage_contracts.parts``); 0: all are alike."""
    parts: tuple[PartUrl, ...] = ()
    done: tuple[PartDone, ...] = ()
    expires: Instant
