"""The identity is kept private, and a broken one is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypervisor_agent.identity import FILE, Identity, enrol, keep, kept
from hypervisor_agent.settings import Settings
from pydantic import SecretStr
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.values import HypervisorKind, Location

IDENTITY = Identity(
    host_id="h1",
    name="kvm1",
    hypervisor=HypervisorKind.KVM,
    location=Location(zone_id="z"),
    amqp_url=SecretStr("amqp://u:canary@h/"),
    bus_prefix="stowage",
    ticket_verify_key="k",
)


def test_it_is_kept_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    assert kept(folder) is None
    keep(folder, IDENTITY)
    keep(folder, IDENTITY)
    assert kept(folder) == IDENTITY
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert "canary" not in repr(kept(folder))


def test_a_damaged_one_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(InvalidInput) as caught:
        kept(tmp_path)
    assert caught.value.hint


async def test_enrolling_needs_to_be_told_where() -> None:
    with pytest.raises(InvalidInput) as caught:
        await enrol(Settings())
    assert "JOIN_TOKEN" in caught.value.hint


async def test_a_silent_gateway_is_unavailable_and_the_token_is_not_told() -> None:
    settings = Settings(
        agent_gateway_url="http://127.0.0.1:1",
        agent_host_id="h1",
        agent_join_token=SecretStr("canary"),
    )
    with pytest.raises(Unavailable) as caught:
        await enrol(settings)
    assert "canary" not in str(caught.value.problem)
