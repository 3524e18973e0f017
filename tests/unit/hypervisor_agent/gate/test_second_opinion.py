"""qemu-img's view of a file is taken under limits, and disagreement refuses the image."""

import asyncio
import os
from pathlib import Path

import pytest
from hypervisor_agent.gate import GATE_VERSION, Jail, second_opinion
from stowage_contracts.errors import Unavailable
from stowage_contracts.values import ImageFormat, Verdict

from tests.images import Qcow2
from tests.images.honest import qemu_img, raw_file

MIB = 1024 * 1024


def accepted(form: ImageFormat = ImageFormat.QCOW2, size: int = MIB) -> Verdict:
    """What a deceived gate would have said."""
    return Verdict(accepted=True, format=form, virtual_size=size, gate_version=GATE_VERSION)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A qcow2 of 1 MiB."""
    path = tmp_path / "disk.qcow2"
    qemu_img("create", "-f", "qcow2", path, "1M")
    return path


def script(folder: Path, body: str) -> tuple[str, ...]:
    """A wrapper that runs ``body`` in place of what it wraps."""
    path = folder / "instead"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    return (str(path),)


async def test_an_agreeing_view_leaves_the_verdict_as_it_was(disk: Path) -> None:
    assert await second_opinion(disk, accepted()) == accepted()


async def test_a_backing_file_is_seen(tmp_path: Path) -> None:
    base, path = raw_file(tmp_path / "base.raw", MIB), tmp_path / "disk"
    qemu_img("create", "-f", "qcow2", "-b", base, "-F", "raw", path)
    assert (await second_opinion(path, accepted())).code == "image.backing_file"


async def test_a_data_file_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    qemu_img("create", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}", path, "1M")
    assert (await second_opinion(path, accepted())).code == "image.data_file"


async def test_another_virtual_size_is_seen(disk: Path) -> None:
    refused = await second_opinion(disk, accepted(size=2 * MIB))
    assert (refused.code, refused.accepted) == ("image.second_opinion", False)


async def test_an_image_of_another_format_is_unreadable(disk: Path) -> None:
    raw = raw_file(disk.with_name("raw"), MIB)
    assert (await second_opinion(raw, accepted())).code == "image.unreadable"


async def test_a_raw_view_never_looks_inside(disk: Path) -> None:
    verdict = accepted(ImageFormat.RAW, disk.stat().st_size)
    assert await second_opinion(disk, verdict) == verdict


async def test_the_reason_names_no_path_of_the_host(tmp_path: Path) -> None:
    refused = await second_opinion(tmp_path / "absent", accepted())
    assert refused.code == "image.unreadable"
    assert str(tmp_path) not in refused.reason


async def test_a_program_without_end_is_killed_at_the_deadline(disk: Path, tmp_path: Path) -> None:
    mark = tmp_path / "pid"
    jail = Jail(wrapper=script(tmp_path, f"echo $$ > {mark}; exec sleep 600"), deadline=2.0)
    refused = await second_opinion(disk, accepted(), jail)
    assert refused.code == "image.unreadable"
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


async def test_a_program_that_never_stops_talking_is_killed(disk: Path, tmp_path: Path) -> None:
    jail = Jail(wrapper=script(tmp_path, "exec yes"))
    assert (await second_opinion(disk, accepted(), jail)).code == "image.unreadable"


@pytest.mark.parametrize("answer", ["", "not json", "[]", '"text"', "null"])
async def test_an_answer_that_says_nothing_refuses_the_image(
    disk: Path, tmp_path: Path, answer: str
) -> None:
    jail = Jail(wrapper=script(tmp_path, f"echo '{answer}'"))
    assert (await second_opinion(disk, accepted(), jail)).code == "image.unreadable"


async def test_no_network_is_left_where_that_can_be_had(disk: Path, tmp_path: Path) -> None:
    jail = await Jail.strictest()
    if not jail.wrapper:
        pytest.skip("this machine lets nobody make a network name space")
    told = tmp_path / "links"
    (listing,) = script(tmp_path, f"cat /proc/net/dev > {told}")
    argv = [*jail.wrapper, listing]
    done = await asyncio.create_subprocess_exec(*argv)
    assert await done.wait() == 0
    links = [line.split(":")[0].strip() for line in told.read_text().splitlines()[2:]]
    assert [link for link in links if link not in ("lo", "tunl0", "sit0", "ip6tnl0")] == []


async def test_memory_is_limited(disk: Path) -> None:
    assert (await second_opinion(disk, accepted(), Jail(memory=MIB))).code == "image.unreadable"


async def test_it_may_not_write(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = tmp_path / "written"
    (impostor,) = script(tmp_path, f"echo x > {written}")
    Path(impostor).rename(tmp_path / "qemu-img")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert (await second_opinion(disk, accepted())).code == "image.unreadable"
    assert written.read_bytes() == b""


async def test_a_missing_program_is_our_fault_and_not_the_images(disk: Path) -> None:
    jail = Jail(wrapper=("no-such-program-anywhere",))
    with pytest.raises(Unavailable, match="no-such-program-anywhere"):
        await second_opinion(disk, accepted(), jail)


async def test_a_missing_qemu_img_is_our_fault_too(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "prlimit").symlink_to("/usr/bin/prlimit")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable, match="qemu-img"):
        await second_opinion(disk, accepted())


@pytest.mark.parametrize("path", [Path("disk"), Path("json:{}"), Path("nbd://host/disk")])
async def test_only_an_absolute_path_is_ever_passed_on(path: Path) -> None:
    with pytest.raises(ValueError, match="absolute"):
        await second_opinion(path, accepted())


async def test_a_refused_image_is_never_opened(disk: Path) -> None:
    refused = Verdict(accepted=False, code="image.dirty", gate_version=GATE_VERSION)
    with pytest.raises(ValueError, match="accepted"):
        await second_opinion(disk, refused)


async def test_a_name_that_looks_like_an_address_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "nbd:host:10809"
    path.write_bytes(Qcow2(virtual_size=MIB).build())
    assert await second_opinion(path, accepted()) == accepted()
