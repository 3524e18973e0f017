"""An image store becomes a cache as it stands: its objects are entries, no byte moves."""

from datetime import UTC, datetime
from pathlib import Path

from stowage_contracts.catalogue import Manifest
from stowage_contracts.messages.cache_autoscaler import CacheAdded, CacheRejected
from stowage_contracts.messages.image_store import StoreDemoted
from stowage_contracts.testing.store_hand import receipt_of
from stowage_contracts.values import HypervisorKind, ImageFormat, Scope, StoreRole, StoreState
from stowage_contracts.views import StoreView
from stowage_stores.directory import DirectoryDriver

from tests.unit.cache_autoscaler.scene import Scene, image


def demoted(root: Path) -> StoreDemoted:
    cache = StoreView(
        id="k1",
        name="once images",
        provider="directory",
        role=StoreRole.IMAGE_CACHE,
        scope=Scope.zone("z1"),
        state=StoreState.ADDING,
        settings={"root": str(root)},
    )
    return StoreDemoted(store_id="images", cache=cache)


async def keep(root: Path, name: str, *, size: int | None = None) -> Path:
    """A template with its manifest, as image-store leaves it."""
    thing, data = image(name)
    path = root / f"template/acme/{name}.raw"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    manifest = Manifest(
        object=thing,
        account_id="acme",
        name=name,
        format=ImageFormat.RAW,
        scope=Scope.zone("z1"),
        size=len(data) if size is None else size,
        digest=receipt_of(data).digest,
        hypervisor=HypervisorKind.KVM,
        created=datetime.now(UTC),
    )
    key = str(path.relative_to(root))
    await DirectoryDriver(str(root)).write_note(key, manifest.model_dump_json())
    return path


async def test_its_objects_become_entries_and_no_byte_moves(scene: Scene) -> None:
    root = scene.folder / "images"
    root.mkdir()
    files = [await keep(root, name) for name in ("t1", "t2")]
    (root / "stranger.bin").write_bytes(b"x" * 5000)
    await keep(root, "liar", size=7)
    before = [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    await scene.bench.handle(demoted(root))
    assert (await scene.reserve("early")).answer == "none"
    await scene.intents()
    (added,) = await scene.intents()
    assert isinstance(added, CacheAdded)
    assert (added.state.state, added.state.role) == ("Up", "ImageCache")
    assert await scene.entries() == [("t1", "ready"), ("t2", "ready")]
    assert before == [(path.stat().st_ino, path.stat().st_mtime_ns) for path in files]
    reply = await scene.reserve("c1")
    assert reply.answer == "ready"
    assert await scene.read(reply) == image("t1")[1]
    (why,) = await scene.sql("SELECT reason FROM cache_autoscaler.decisions WHERE kind = 'adopt'")
    assert why["reason"] == "2 of 4 objects found on it are its entries"


async def test_told_twice_it_is_one_store(scene: Scene) -> None:
    root = scene.folder / "images"
    root.mkdir()
    await keep(root, "t1")
    await scene.bench.handle(demoted(root))
    await scene.bench.handle(demoted(root))
    await scene.intents()
    await scene.intents()
    assert len(await scene.bench.said(CacheAdded)) == 1
    assert await scene.bench.handle(demoted(root)) == []
    assert await scene.entries() == [("t1", "ready")]


async def test_one_that_is_away_is_adopted_when_it_is_back(scene: Scene) -> None:
    root = scene.folder / "images"
    await scene.bench.handle(demoted(root))
    await scene.intents()
    assert await scene.bench.said(CacheAdded, CacheRejected) == []
    root.mkdir()
    await keep(root, "t1")
    await scene.pass_seconds(11)
    await scene.bench.run_timers("probe-stores")
    await scene.intents()
    await scene.intents()
    (added,) = await scene.bench.said(CacheAdded)
    assert isinstance(added, CacheAdded)
    assert await scene.entries() == [("t1", "ready")]


async def test_an_adopted_entry_is_evicted_with_its_manifest(scene: Scene) -> None:
    root = scene.folder / "images"
    root.mkdir()
    path = await keep(root, "t1")
    await scene.bench.handle(demoted(root))
    await scene.intents()
    await scene.intents()
    await scene.sql("UPDATE cache_autoscaler.cache_stores SET total_bytes = 1100")
    await scene.bench.run_timers("keep-marks")
    await scene.intents()
    assert not path.exists()
    assert await scene.entries() == []
