"""Which addresses a user-given URL may reach; checked where names resolve and sockets are made."""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult
from stowage_contracts.errors import SourceRefused
from stowage_contracts.grants import FetchRules

Address = IPv4Address | IPv6Address

_SPECIAL_4 = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Protocol assignments and 6to4 relays, which older Pythons call global."""
_GLOBAL_6 = IPv6Network("2000::/3")
_EMBEDDING_6 = tuple(
    IPv6Network(text)
    for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "64:ff9b::/96")
)
"""Global by their first bits, but leading to an embedded IPv4 address or nowhere."""


def check(text: str, rules: FetchRules, host: str = "") -> None:
    """Raises SourceRefused ``source.address_refused`` unless ``text`` is public or allowed."""
    if _reachable(text.partition("%")[0], rules):
        return
    raise SourceRefused(
        f"{host or text} leads to an address that may not be reached",
        resource=host or text,
        code="address_refused",
        hint="an operator can open a private network with STOWAGE_FETCH_ALLOW",
    )


def socket_factory(rules: FetchRules) -> Callable[[Any], socket.socket]:
    """Makes sockets for checked addresses only: the last door, which IP literals pass too."""

    def make(found: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _name, address = found
        check(address[0], rules)
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return make


class CheckedResolver(AbstractResolver):
    """Refuses a name if any of its addresses is refused, so that no answer is tried by luck."""

    def __init__(self, rules: FetchRules, inner: AbstractResolver) -> None:
        self._rules, self._inner = rules, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Every address of ``host``; raises SourceRefused, OSError."""
        found = await self._inner.resolve(host, port, family)
        for each in found:
            check(each["host"], self._rules, host)
        return found

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._inner.close()


def _reachable(text: str, rules: FetchRules) -> bool:
    try:
        found = _plain(ip_address(text))
    except ValueError:
        return False
    return not _never(found) and (_listed(found, rules) or _public(found))


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _never(address: Address) -> bool:
    return address.is_multicast or address.is_unspecified or address.is_link_local


def _listed(address: Address, rules: FetchRules) -> bool:
    return any(address in ip_network(network, strict=False) for network in rules.allow)


def _public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        special = any(address in network for network in _SPECIAL_4)
        return address.is_global and not address.is_reserved and not special
    return address in _GLOBAL_6 and not any(address in network for network in _EMBEDDING_6)
