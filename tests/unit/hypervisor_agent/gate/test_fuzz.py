"""No mutation of a header makes the gate fail, read much, or accept what qemu-img would follow."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypervisor_agent.gate import Expectation, Option, inspect
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stowage_contracts.values import ImageFormat, Verdict

from tests.images import FOREIGN, MemoryImage, Qcow2
from tests.images.honest import qcow2_file
from tests.images.mutants import BASES, header_bytes, mutate, resealed

BUDGET = 8 * 1024 * 1024
DRIVERS = {
    ImageFormat.VHD: "vpc",
    ImageFormat.VHDX: "vhdx",
    ImageFormat.VDI: "vdi",
    ImageFormat.VMDK: "vmdk",
}
QUICK = settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

FIELDS = st.sampled_from(
    [
        0,
        1,
        2,
        4,
        8,
        16,
        20,
        24,
        32,
        36,
        40,
        48,
        56,
        60,
        64,
        72,
        79,
        80,
        88,
        95,
        96,
        100,
        104,
        112,
        116,
        510,
        0x8001,
    ]
)
PLACES = st.one_of(FIELDS, st.integers(0, 700), st.integers(0, 1 << 20))
VALUES = st.one_of(
    st.binary(min_size=1, max_size=16),
    st.sampled_from([b"\0" * 8, b"\xff" * 8, b"\xe2\x79\x2a\xca", b"DATA", b"CD001", b"QFI\xfb"]),
    st.integers(0, (1 << 64) - 1).map(lambda number: number.to_bytes(8, "big")),
    st.integers(0, 63).map(lambda bit: (1 << bit).to_bytes(8, "big")),
)
MUTATIONS = st.lists(st.tuples(PLACES, VALUES), min_size=1, max_size=4)


def judge(data: bytes, declared: ImageFormat) -> Verdict:
    """The verdict, within the budget."""
    image = MemoryImage(data)
    expected = Expectation(declared, 1 << 40, frozenset(Option))
    verdict = asyncio.run(inspect(image, expected))
    assert sum(image.reads) <= BUDGET + 10 * len(data)
    assert verdict.accepted == (verdict.code == "")
    return verdict


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """qcow2 files of several shapes, all of them with data."""
    folder = tmp_path_factory.mktemp("real")
    shapes = [("compat=0.10",), ("cluster_size=4k",), ("extended_l2=on",), ("cluster_size=512",)]
    paths = [qcow2_file(folder / str(n), shape, 1 << 18) for n, shape in enumerate(shapes)]
    packed = ("compression_type=zstd", "cluster_size=4k")
    paths.append(qcow2_file(folder / "packed", packed, 1 << 18, compress=True))
    paths.append(folder / "ours")
    paths[-1].write_bytes(Qcow2().build())
    return paths


def _view(path: Path, driver: str) -> dict[str, Any] | None:
    """What qemu-img sees, if anything."""
    argv = ["qemu-img", "info", "--output=json", "-f", driver, str(path)]
    done = subprocess.run(argv, check=False, capture_output=True, timeout=20)
    view: dict[str, Any] | None = json.loads(done.stdout) if done.returncode == 0 else None
    return view


@QUICK
@given(which=st.integers(0, 5), mutations=MUTATIONS)
def test_an_accepted_qcow2_leads_qemu_img_nowhere_else(
    real: list[Path], tmp_path: Path, which: int, mutations: list[Any]
) -> None:
    data = mutate(real[which].read_bytes(), mutations)
    verdict = judge(data, ImageFormat.QCOW2)
    if not verdict.accepted:
        return
    path = tmp_path / "disk"
    path.write_bytes(data)
    view = _view(path, "qcow2")
    assert view is not None
    assert view["virtual-size"] == verdict.virtual_size
    assert "backing-filename" not in view
    assert "data-file" not in view["format-specific"]["data"]


@QUICK
@given(which=st.integers(0, 40), mutations=MUTATIONS, declared=st.sampled_from(ImageFormat))
def test_no_mutation_of_any_format_makes_the_gate_fail(
    which: int, mutations: list[Any], declared: ImageFormat
) -> None:
    images = [*BASES.values(), *(data for _, data in FOREIGN.values())]
    judge(mutate(images[which % len(images)], mutations), declared)


@pytest.mark.parametrize("form", BASES)
@pytest.mark.parametrize("flip", [0x01, 0xFF])
def test_no_flipped_byte_of_a_header_makes_the_gate_fail(form: ImageFormat, flip: int) -> None:
    base = BASES[form]
    places = header_bytes(form)
    for at in places[:: 4 if form is ImageFormat.VHDX else 1]:
        data = mutate(base, [(at, bytes([base[at] ^ flip]))])
        judge(data, form)
        judge(resealed(data, form), form)


@QUICK
@given(form=st.sampled_from(list(BASES)), data=st.data())
def test_no_splice_of_two_headers_makes_the_gate_fail(form: ImageFormat, data: Any) -> None:
    other = BASES[data.draw(st.sampled_from(list(BASES)))]
    cut = data.draw(st.integers(0, 2048))
    judge(resealed(BASES[form][:cut] + other[cut : 1 << 20], form), form)


@QUICK
@given(form=st.sampled_from(list(DRIVERS)), data=st.data())
def test_an_accepted_disk_is_to_qemu_img_what_it_is_to_the_gate(
    tmp_path: Path, form: ImageFormat, data: Any
) -> None:
    places = st.sampled_from(header_bytes(form))
    patches = data.draw(st.lists(st.tuples(places, VALUES), min_size=1, max_size=2))
    image = resealed(mutate(BASES[form], patches), form)
    verdict = judge(image, form)
    if not verdict.accepted:
        return
    path = tmp_path / "disk"
    path.write_bytes(image)
    view = _view(path, DRIVERS[form])
    if view is not None:
        assert view["virtual-size"] == verdict.virtual_size
        assert "backing-filename" not in view


@QUICK
@given(data=st.binary(max_size=2000), declared=st.sampled_from(ImageFormat))
def test_no_bytes_at_all_make_the_gate_fail(data: bytes, declared: ImageFormat) -> None:
    judge(data, declared)


@QUICK
@given(which=st.integers(0, 5), length=st.integers(0, 1 << 19))
def test_no_cut_makes_the_gate_fail(real: list[Path], which: int, length: int) -> None:
    judge(real[which].read_bytes()[:length], ImageFormat.QCOW2)


@QUICK
@given(form=st.sampled_from(list(BASES)), data=st.data())
def test_no_cut_of_any_format_makes_the_gate_fail(form: ImageFormat, data: Any) -> None:
    judge(BASES[form][: data.draw(st.integers(0, len(BASES[form])))], form)
