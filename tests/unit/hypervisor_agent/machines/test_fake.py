"""The fake keeps the suite of all machines, and does what it is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypervisor_agent.machines.fake import FakeMachines
from stowage_contracts.caching import MEBI, VmPhase
from stowage_contracts.errors import InvalidInput, NotFound, OutOfSpace, StowageError, Unavailable
from stowage_contracts.plugins.machines import MachineSettings
from stowage_contracts.testing.machines_suite import SPEC, Kind, MachinesSuite


def settings_in(folder: Path, **options: object) -> MachineSettings:
    return MachineSettings(
        folder=str(folder / "vms"),
        image=str(folder / "image"),
        addresses=("10.9.0.10/24", "10.9.0.11/24"),
        slots=2,
        memory_bytes=2 * SPEC.memory_bytes,
        disk_bytes=4 * SPEC.disk_bytes,
        options={"boot_seconds": 0.05, **options},
    )


class TestFake(MachinesSuite):
    @pytest.fixture
    def settings(self, tmp_path: Path) -> MachineSettings:
        return settings_in(tmp_path)

    @pytest.fixture
    def kind(self) -> Kind:
        return FakeMachines

    @pytest.fixture
    def boots_image(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("told", "error"), [("unavailable", Unavailable), ("missing", NotFound), ("full", OutOfSpace)]
)
async def test_it_fails_to_spawn_as_told_and_as_often(
    tmp_path: Path, told: str, error: type[StowageError]
) -> None:
    machines = FakeMachines(settings_in(tmp_path, spawn_error=told, spawns_that_fail=1))
    with pytest.raises(error):
        await machines.spawn("one", "fleet", SPEC)
    assert await machines.seen() == ()
    assert (await machines.spawn("one", "fleet", SPEC)).phase is VmPhase.STARTING


async def test_faults_come_and_go_while_it_runs(tmp_path: Path) -> None:
    machines = FakeMachines(settings_in(tmp_path, boot_seconds=0, url="nfs://h/x/{vm_id}/export"))
    await machines.spawn("one", "fleet", SPEC)
    (facts,) = await machines.seen()
    assert (facts.phase, facts.url) == (VmPhase.READY, "nfs://h/x/one/export")
    assert (tmp_path / "vms/one/export").is_dir()
    faults = tmp_path / "vms/faults.json"
    for fault, phase in (("unwell", VmPhase.UNWELL), ("ended", VmPhase.FAILED)):
        faults.write_text(json.dumps({fault: ["one"]}))
        (facts,) = await machines.seen()
        assert (facts.phase, facts.error is None) == (phase, False)
    faults.write_text(json.dumps({"destroy_error": True}))
    with pytest.raises(Unavailable):
        await machines.destroy("one")
    faults.unlink()
    assert (await machines.seen())[0].phase is VmPhase.READY


async def test_an_option_it_does_not_know_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput):
        FakeMachines(settings_in(tmp_path, bots_seconds=1))


async def test_a_record_nobody_can_read_hides_no_other(tmp_path: Path) -> None:
    machines = FakeMachines(settings_in(tmp_path))
    await machines.spawn("one", "fleet", SPEC.model_copy(update={"disk_bytes": 16 * MEBI}))
    (tmp_path / "vms/two").mkdir()
    (tmp_path / "vms/two/vm.json").write_text("{")
    assert [facts.vm_id for facts in await machines.seen()] == ["one"]
