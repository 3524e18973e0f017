"""The one place where a redeemed source is opened."""

from collections.abc import Mapping

from stowage_contracts.errors import GrantRefused, SourceRefused
from stowage_contracts.grants import FetchRules, Grant
from stowage_contracts.messages.image_store import GrantRedeemed
from stowage_contracts.plugins import RangedReader, StreamReader, Transport
from stowage_contracts.plugins.transport import ReadShape
from stowage_contracts.values import CopyEnd, EndKind

from hypervisor_agent.engine.local import scheme_of
from hypervisor_agent.engine.streams import Source

Transports = Mapping[str, Transport]


async def open_source(
    redeemed: GrantRedeemed, end: CopyEnd, stall_seconds: float, transports: Transports
) -> Source:
    """A user-given URL is never opened without rules, whatever its owner forgot.

    Raises SourceRefused, SourceChanged, NotFound, GrantRefused, Unavailable, Stalled.
    """
    rules = redeemed.rules or (FetchRules() if end.kind is EndKind.URL else None)
    try:
        scheme = scheme_of(redeemed.grant)
    except ValueError:
        raise SourceRefused("it is not a URL", code="url") from None
    if rules is not None and scheme not in rules.schemes:
        raise SourceRefused(f"scheme {scheme!r} is not fetched", code="scheme")
    shape = ReadShape(stall_seconds=stall_seconds, rules=rules)
    return await transport_of(redeemed.grant, transports).open_reader(redeemed.grant, shape)


def with_length(source: Source, resource: str) -> RangedReader:
    """The source, if it told its length; raises SourceRefused."""
    if isinstance(source, StreamReader):
        raise length_unknown(resource)
    return source


def length_unknown(resource: str) -> SourceRefused:
    """The error of a source that does not say how long it is, where that is needed."""
    return SourceRefused(
        "it does not say how long it is",
        resource=resource,
        code="length_unknown",
        hint="serve the image from a server that sends Content-Length, or declare its checksum",
    )


def transport_of(grant: Grant, transports: Transports) -> Transport:
    """The transport of a grant's scheme; raises GrantRefused."""
    scheme = "https" if grant.session else scheme_of(grant)
    if scheme not in transports:
        raise GrantRefused(f"no transport for {scheme!r}", code="scheme")
    return transports[scheme]
