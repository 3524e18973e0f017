"""Templates made of volumes and snapshots, by real rows."""

from typing import Any

import pytest
from stowage_contracts.messages.image_store import (
    CopyRequested,
    DeleteSnapshot,
    MakeTemplate,
    RegisterSnapshot,
    ReplicaFailed,
    TemplateChanged,
)
from stowage_contracts.values import ImageFormat, ObjectRef, Scope
from stowage_contracts.views import TemplateView

from tests.unit.image_store.scene import DIGEST, Scene, accepted

SOURCE = ObjectRef(kind="snapshot", id="sn1")
MAKE = MakeTemplate(
    template_id="t9",
    account_id="acme",
    name="golden",
    format="qcow2",
    hypervisor="KVM",
    scope=Scope.zone("z1"),
    source=SOURCE,
    copy_id="copy9",
)


async def carry_out(scene: Scene, request: CopyRequested) -> None:
    hop = f"hop-{request.copy_id}"
    await scene.write(request, hop_id=hop)
    await scene.commit(request, hop_id=hop)
    await scene.complete(request, accepted())


async def asked(scene: Scene) -> CopyRequested:
    found = (await scene.bench.said(CopyRequested))[-1]
    assert isinstance(found, CopyRequested)
    return found


def snapshot(scene: Scene, **changes: Any) -> RegisterSnapshot:
    url = scene.sealed("http://images.example/snapshot.qcow2", SOURCE)
    return RegisterSnapshot(
        snapshot_id="sn1",
        account_id="acme",
        name="nightly",
        sealed_url=url,
        format="qcow2",
        scope=Scope.zone("z1"),
        copy_id="copy1",
    ).model_copy(update=changes)


@pytest.fixture
async def ready(scene: Scene) -> Scene:
    """A snapshot that a store holds."""
    await scene.zone()
    await scene.store()
    await scene.bench.handle(snapshot(scene))
    await carry_out(scene, await asked(scene))
    return scene


async def made(scene: Scene) -> TemplateView:
    said = (await scene.bench.said(TemplateChanged))[-1]
    assert isinstance(said, TemplateChanged)
    return said.state


async def test_a_template_has_the_bytes_of_its_snapshot(ready: Scene) -> None:
    await ready.bench.handle(MAKE)
    request = await asked(ready)
    assert (request.copy_id, request.digest) == ("copy9", DIGEST)
    assert str(request.source.object) == "snapshot/sn1"
    assert str(request.destination.object) == "template/t9"
    assert not (await made(ready)).ready
    await carry_out(ready, request)
    view = await made(ready)
    assert (view.ready, view.digest, view.name) == (True, DIGEST, "golden")
    assert view.upload is False


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"format": ImageFormat.RAW}, "invalid.format"),
        ({"source": ObjectRef(kind="snapshot", id="sn9")}, "not_found"),
        ({"scope": Scope.zone("z9")}, "conflict.not_ready"),
        ({"template_id": "sn1"}, "conflict.exists"),
    ],
)
async def test_what_cannot_be_made_says_why(
    ready: Scene, change: dict[str, Any], code: str
) -> None:
    await ready.bench.handle(MAKE.model_copy(update=change))
    error = (await made(ready)).error
    assert error is not None
    assert error.code == code
    failed = (await ready.bench.said(ReplicaFailed))[-1]
    assert isinstance(failed, ReplicaFailed)
    assert failed.copy_id == "copy9"


async def test_nothing_is_made_of_what_was_deleted(ready: Scene) -> None:
    await ready.bench.handle(DeleteSnapshot(snapshot_id="sn1"))
    await ready.bench.handle(MAKE)
    assert (await made(ready)).error is not None
    assert len(await ready.bench.said(CopyRequested)) == 1
