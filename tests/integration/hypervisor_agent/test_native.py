"""A hypervisor that moves a volume from pool to pool itself; the agent verifies what it made."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from hypervisor_agent.engine.hop import Hop
from hypervisor_agent.hypervisors.fake import FakeHypervisor
from hypervisor_agent.hypervisors.kvm import KvmHypervisor
from stowage_contracts.errors import ImageRefused, InvalidInput, NotFound, SourceChanged
from stowage_contracts.plugins.hypervisor import HypervisorSettings, Moved, VolumeMove
from stowage_contracts.values import HopMethod, Receipt

from tests.integration.hypervisor_agent.kit import (
    MIB,
    GivenGrants,
    file_grant,
    hop,
    make_tools,
    noise,
    order,
    part_of,
    tree_digest,
)

DATA = noise(9 * MIB) + bytes(8 * MIB) + noise(3 * MIB + 17, seed=2)


class Able(FakeHypervisor):
    """Moves volumes; may do it wrong."""

    def __init__(self, *, spoils: bool = False, writes_to: Path | None = None) -> None:
        super().__init__(HypervisorSettings(options={"moves": True}))
        self.spoils, self.writes_to = spoils, writes_to

    async def move(self, job: VolumeMove, moved: Moved) -> None:
        await super().move(job, moved)
        if self.spoils:
            with Path(job.destination).open("r+b") as file:
                file.write(b"x")
        if self.writes_to:
            self.writes_to.write_bytes(DATA[::-1])


class Slow(Able):
    """Never ends by itself."""

    async def move(self, job: VolumeMove, moved: Moved) -> None:
        moved(4 * MIB, len(DATA))
        await asyncio.Event().wait()


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    path = tmp_path / "volume"
    path.write_bytes(DATA)
    return path


def native(
    volume: Path, hypervisor: FakeHypervisor | KvmHypervisor, **changes: object
) -> tuple[Hop, Path]:
    root = volume.parent
    asked = order(method=HopMethod.NATIVE, **changes)
    part = part_of(root, asked)
    grants = GivenGrants(lambda: file_grant(volume), lambda _: file_grant(part, writes=True))
    return hop(asked, grants, replace(make_tools(root), hypervisor=hypervisor)), part


@pytest.mark.parametrize("digest", [None, tree_digest(DATA)])
async def test_what_it_made_is_read_back_and_the_source_stays(
    volume: Path, digest: str | None
) -> None:
    moving, part = native(volume, Able(), digest=digest)
    receipt = await moving.run()
    assert isinstance(receipt, Receipt)
    assert (receipt.digest, receipt.size) == (tree_digest(DATA), len(DATA))
    assert receipt.verdict is not None
    assert receipt.verdict.accepted
    assert part.read_bytes() == volume.read_bytes() == DATA
    assert part.stat().st_blocks * 512 < len(DATA)
    assert moving.meter.transfer().bytes_done == len(DATA)


@pytest.mark.parametrize("digest", [None, tree_digest(DATA)])
async def test_other_bytes_than_the_volumes_are_refused(volume: Path, digest: str | None) -> None:
    moving, _ = native(volume, Able(spoils=True), digest=digest)
    with pytest.raises(ImageRefused) as refused:
        await moving.run()
    assert refused.value.code == "image.digest"


async def test_a_volume_written_to_meanwhile_is_noticed(volume: Path) -> None:
    moving, _ = native(volume, Able(writes_to=volume), digest=tree_digest(DATA))
    with pytest.raises(SourceChanged):
        await moving.run()


@pytest.mark.parametrize(
    "unable", [FakeHypervisor(HypervisorSettings()), KvmHypervisor(HypervisorSettings())]
)
async def test_a_host_that_does_not_declare_it_refuses(
    volume: Path, unable: FakeHypervisor | KvmHypervisor
) -> None:
    moving, part = native(volume, unable)
    with pytest.raises(InvalidInput) as refused:
        await moving.run()
    assert refused.value.code == "invalid.native"
    assert not part.exists()


async def test_a_volume_that_is_gone_is_not_found(volume: Path) -> None:
    moving, _ = native(volume, Able())
    volume.unlink()
    with pytest.raises(NotFound):
        await moving.run()


async def test_its_figures_are_live_and_a_cancel_stops_it(volume: Path) -> None:
    moving, _ = native(volume, Slow())
    running = asyncio.create_task(moving.run())
    async with asyncio.timeout(10):
        while moving.meter.transfer().bytes_done < 4 * MIB:
            await asyncio.sleep(0.01)
    told = moving.meter.transfer()
    assert (told.bytes_total, told.phase) == (len(DATA), "moving")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_second_try_makes_the_part_anew(volume: Path) -> None:
    moving, part = native(volume, Able())
    part.write_bytes(b"of an earlier try" * MIB)
    assert (await moving.run()).size == len(DATA)
    assert part.read_bytes() == DATA
