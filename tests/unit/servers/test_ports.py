"""Ports handed out are free and lie where no outgoing connection takes them."""

from __future__ import annotations

import socket

from tests.servers.ports import free_ports, listening


def test_ports_are_distinct_and_below_the_ephemeral_range() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    assert max(ports) < 32768


def test_listening_tells_an_open_port_from_a_closed_one() -> None:
    port = free_ports(1)[0]
    assert not listening(port)
    with socket.create_server(("127.0.0.1", port)):
        assert listening(port)
