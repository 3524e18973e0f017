"""What every Hypervisor must do. Subclass it and give ``settings`` and ``hypervisor`` fixtures."""

from pathlib import Path

import pytest

from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.plugins.hypervisor import (
    Conversion,
    Hypervisor,
    HypervisorSettings,
    VolumeMotion,
    VolumeMove,
)
from stowage_contracts.testing.store_hand import bytes_of
from stowage_contracts.values import ImageFormat

MIB = 1024 * 1024


@pytest.mark.asyncio
class HypervisorSuite:
    """Every behaviour a kind of host promises."""

    async def test_abilities_are_what_planning_may_believe(
        self, hypervisor: Hypervisor, settings: HypervisorSettings
    ) -> None:
        able = await hypervisor.abilities()
        assert isinstance(able, HostAbilities)
        assert able.slots == settings.slots
        assert able.fetch <= settings.fetch
        assert set(settings.roots) <= set(able.roots)

    async def test_every_pool_is_seen_with_its_room(self, hypervisor: Hypervisor) -> None:
        able = await hypervisor.abilities()
        for pool in await hypervisor.pools():
            assert 0 <= pool.free_bytes <= pool.total_bytes
            assert not pool.root or pool.root in able.roots

    async def test_a_pool_that_is_away_is_left_out(
        self, hypervisor: Hypervisor, settings: HypervisorSettings
    ) -> None:
        assert {pool.id for pool in await hypervisor.pools()} <= _there(settings)

    async def test_what_it_cannot_convert_is_refused(
        self, hypervisor: Hypervisor, tmp_path: Path
    ) -> None:
        able = (await hypervisor.abilities()).convert
        for format in set(ImageFormat) - set(able):
            with pytest.raises(InvalidInput):
                await hypervisor.convert(_job(tmp_path, ImageFormat.RAW, format))

    async def test_what_it_converts_comes_back_the_same(
        self, hypervisor: Hypervisor, tmp_path: Path
    ) -> None:
        able = (await hypervisor.abilities()).convert
        if not {ImageFormat.RAW, ImageFormat.QCOW2} <= set(able):
            pytest.skip("it converts nothing")
        data = bytes_of(3 * MIB) + bytes(MIB)
        (tmp_path / "raw").write_bytes(data)
        await hypervisor.convert(_job(tmp_path, ImageFormat.RAW, ImageFormat.QCOW2))
        (tmp_path / "raw").unlink()
        await hypervisor.convert(_job(tmp_path, ImageFormat.QCOW2, ImageFormat.RAW))
        assert (tmp_path / "raw").read_bytes() == data

    async def test_it_moves_volumes_exactly_where_it_says_so(self, hypervisor: Hypervisor) -> None:
        moves = (await hypervisor.abilities()).moves
        assert not moves or isinstance(hypervisor, VolumeMotion)

    async def test_what_it_moves_is_the_same_and_stays_where_it_was(
        self, hypervisor: Hypervisor, settings: HypervisorSettings, tmp_path: Path
    ) -> None:
        if not (await hypervisor.abilities()).moves:
            pytest.skip("it moves no volumes")
        assert isinstance(hypervisor, VolumeMotion)
        data = bytes_of(5 * MIB) + bytes(3 * MIB) + b"end"
        (tmp_path / "volume").write_bytes(data)
        (tmp_path / "moved").write_bytes(b"of an earlier try" * MIB)
        told: list[tuple[int, int]] = []
        await hypervisor.move(_move(tmp_path), lambda done, total: told.append((done, total)))
        assert (tmp_path / "volume").read_bytes() == (tmp_path / "moved").read_bytes() == data
        assert told == sorted(told)
        assert told[-1] == (len(data), len(data))

    async def test_a_volume_that_is_not_there_can_not_be_moved(
        self, hypervisor: Hypervisor, tmp_path: Path
    ) -> None:
        if not (await hypervisor.abilities()).moves:
            pytest.skip("it moves no volumes")
        assert isinstance(hypervisor, VolumeMotion)
        with pytest.raises(NotFound):
            await hypervisor.move(_move(tmp_path), lambda done, total: None)


def _move(folder: Path) -> VolumeMove:
    return VolumeMove(
        source=str(folder / "volume"),
        destination=str(folder / "moved"),
        format=ImageFormat.RAW,
        resource="volume/v1",
    )


def _there(settings: HypervisorSettings) -> set[str]:
    return {pool.id for pool in settings.pools if Path(pool.root).is_dir()}


def _job(folder: Path, source: ImageFormat, destination: ImageFormat) -> Conversion:
    return Conversion(
        source=str(folder / source.value),
        source_format=source,
        destination=str(folder / destination.value),
        destination_format=destination,
    )
