"""qemu-img is run to its end, or to ours."""

import os
from pathlib import Path

import pytest
from hypervisor_agent.hypervisors.qemu_img import qemu_img
from stowage_contracts.errors import OutOfSpace, Unavailable


def impostor(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Something else of that name."""
    path = folder / "qemu-img"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


async def test_it_is_ended_at_the_deadline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mark = tmp_path / "pid"
    impostor(tmp_path, monkeypatch, f"echo $$ > {mark}; exec sleep 600")
    with pytest.raises(Unavailable, match="longer than 2 seconds"):
        await qemu_img("convert", resource="disk", deadline=2.0)
    assert not Path(f"/proc/{mark.read_text().strip()}").exists()


async def test_its_last_line_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor(tmp_path, monkeypatch, "echo first >&2; echo last >&2; exit 1")
    with pytest.raises(Unavailable, match="qemu-img: last"):
        await qemu_img("convert", resource="disk")


async def test_a_full_disk_is_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor(tmp_path, monkeypatch, "echo 'write: No space left on device' >&2; exit 1")
    with pytest.raises(OutOfSpace):
        await qemu_img("convert", resource="disk")
