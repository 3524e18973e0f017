"""The gate as hops ask it: the smaller limit counts, and qemu-img is asked about local files."""

from pathlib import Path

import pytest
from hypervisor_agent.engine.terms import Stored
from hypervisor_agent.gate import Option
from hypervisor_agent.judge import GateJudge
from hypervisor_agent.settings import Settings
from pydantic import ValidationError
from stowage_contracts.values import ImageFormat

from tests.images import MemoryImage, Qcow2
from tests.images.accepted import ACCEPTED
from tests.images.vmdk import Vmdk

MIB = 1 << 20
TIB = 1 << 40


def stored(data: bytes, path: Path | None = None) -> Stored:
    """Bytes as an engine offers them."""
    image = MemoryImage(data)

    async def fill(offset: int, into: memoryview) -> None:
        into[:] = await image.read(offset, len(into))

    return Stored(len(data), fill, path)


@pytest.mark.parametrize(("own", "asked"), [(32 * MIB, TIB), (TIB, 32 * MIB), (32 * MIB, None)])
async def test_the_smaller_limit_counts(own: int, asked: int | None) -> None:
    verdict = await GateJudge(own)(stored(Qcow2().build()), ImageFormat.QCOW2, asked)
    assert verdict.code == "image.too_large"


@pytest.mark.parametrize("name", ACCEPTED)
async def test_an_honest_local_file_passes_both_looks(name: str, tmp_path: Path) -> None:
    path, data = tmp_path / "disk", ACCEPTED[name].build()
    path.write_bytes(data)
    verdict = await GateJudge(TIB)(stored(data, path), ACCEPTED[name].format)
    assert verdict.accepted, verdict.reason


async def test_a_local_file_that_qemu_img_sees_otherwise_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    path.write_bytes(Vmdk(capacity=4096, extent='RW 4096 SPARSE "disk.vmdk"').build())
    verdict = await GateJudge(TIB)(stored(Vmdk().build(), path), ImageFormat.VMDK)
    assert verdict.code == "image.second_opinion"


@pytest.mark.parametrize(("allowed", "code"), [({Option.DIRTY}, ""), (set(), "image.dirty")])
async def test_what_an_operator_allows_passes(allowed: set[Option], code: str) -> None:
    judge = GateJudge(TIB, frozenset(allowed))
    verdict = await judge(stored(Qcow2(incompatible=1).build()), ImageFormat.QCOW2)
    assert verdict.code == code


@pytest.mark.parametrize(("said", "allowed"), [('["dirty"]', {Option.DIRTY}), ("[]", set())])
def test_an_operator_says_so_in_a_setting(
    monkeypatch: pytest.MonkeyPatch, said: str, allowed: set[Option]
) -> None:
    monkeypatch.setenv("STOWAGE_AGENT_GATE_ALLOW", said)
    assert set(Settings().agent_gate_allow) == allowed


def test_compressed_images_cannot_be_allowed_to_be_stored_as_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("STOWAGE_AGENT_GATE_ALLOW", '["compressed"]')
    with pytest.raises(ValidationError):
        Settings()
