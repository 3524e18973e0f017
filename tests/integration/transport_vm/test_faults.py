"""A transport VM that is told nonsense says so on its console and powers off."""

from __future__ import annotations

import pytest

from tests.integration.transport_vm.guest import Boot

ADDRESS = "stowage.address=198.18.0.9/24"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((ADDRESS,), "stowage.clients is missing"),
        (("stowage.clients=10.0.0.0/8",), "stowage.address is missing"),
        ((ADDRESS, "stowage.clients=*"), "no address and no network"),
        ((ADDRESS, "stowage.clients=10.0.0.0/8,0.0.0.0/0"), "no address and no network"),
        ((ADDRESS, "stowage.clients=10.0.0.0/8", "stowage.shell=1"), "unknown argument"),
    ],
)
def test_a_bad_argument_is_told_and_ends_it(
    boot: Boot, arguments: tuple[str, ...], reason: str
) -> None:
    with boot.uml(*arguments) as guest:
        assert reason in guest.said("fault")
        guest.ends()
