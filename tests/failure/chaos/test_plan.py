"""Plans are drawn from their seeds and from nothing else."""

from __future__ import annotations

from dataclasses import replace

from tests.failure.chaos.plan import LIES, SECONDS, SERVICES, STEERING, Kit, drawn

KIT = Kit(
    agents=("agent:h1", "agent:h2"),
    wires=("api-gateway>broker", "s3"),
    stores=("s1", "rgw"),
    pools=("pool1",),
    disks=("s2",),
    drops=True,
)
PLANS = [drawn(seed, KIT) for seed in range(300)]


def test_a_seed_gives_the_same_plan_again() -> None:
    assert [drawn(seed, KIT) for seed in range(300)] == PLANS
    assert len({str(plan) for plan in PLANS}) == len(PLANS)


def test_every_kind_of_fault_is_drawn() -> None:
    faults = [fault for plan in PLANS for fault in plan.faults]
    assert {fault.what for fault in faults} == {
        *("kill", "kill at", "doom", "freeze", "cut", "slow"),
        *("broker", "database", "repeat", "hold", "clock", "fill"),
    }
    killed = {fault.target for fault in faults if fault.what == "kill"}
    assert killed == {*SERVICES, *KIT.agents}
    assert {fault.detail for fault in faults if fault.what == "cut"} == {"reset", "stall", "drop"}


def test_every_kind_of_deed_and_lie_is_drawn() -> None:
    deeds = [deed for plan in PLANS for deed in plan.deeds]
    assert {deed.what for deed in deeds} == {
        *("register", "volume", "stage", "twins", "move"),
        *STEERING,
        "drain",
    }
    assert {deed.source for deed in deeds} == {"honest", *LIES}


def test_everything_begins_within_the_window() -> None:
    for plan in PLANS:
        assert all(0 <= fault.at <= SECONDS for fault in plan.faults)
        assert all(0 <= deed.at <= SECONDS for deed in plan.deeds)


def test_a_machine_that_lacks_something_is_not_asked_for_it() -> None:
    lesser = replace(KIT, disks=(), drops=False)
    faults = [fault for seed in range(100) for fault in drawn(seed, lesser).faults]
    assert "fill" not in {fault.what for fault in faults}
    assert "drop" not in {fault.detail for fault in faults}
