"""A journal is believed only for the source and the length it was written for."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypervisor_agent.transports.file_writer import FileWriter
from hypervisor_agent.transports.journal import Record, load, save, sidecar
from stowage_contracts.errors import Conflict, SourceChanged, Unavailable
from stowage_contracts.plugins.transport import WriteShape
from stowage_contracts.values import Range

PART = FileWriter.part_size
RANGES = (Range(offset=0, length=8),)


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    save(part, Record(size=100, validator="v", ranges=RANGES))
    assert load(part, 100, "v") == RANGES


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    with pytest.raises(ValueError, match="surrogates"):
        save(part, Record.model_construct(size=1, validator="\udcff", ranges=()))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"size": 1}', b"\0\xff"])
def test_a_torn_journal_is_no_journal(tmp_path: Path, content: bytes) -> None:
    part = tmp_path / "h.1.part"
    sidecar(part).write_bytes(content)
    assert load(part, 100, "v") == ()


def test_without_a_validator_nothing_is_believed(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    save(part, Record(size=100, validator="", ranges=RANGES))
    assert load(part, 100, "") == ()
    assert load(part, 100, "v") == ()


@pytest.mark.parametrize(("size", "validator"), [(101, "v"), (100, "w")])
def test_another_source_is_a_changed_source(tmp_path: Path, size: int, validator: str) -> None:
    part = tmp_path / "h.1.part"
    save(part, Record(size=100, validator="v", ranges=RANGES))
    with pytest.raises(SourceChanged):
        load(part, size, validator)


async def test_a_committed_part_is_never_opened_for_writing(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    part.write_bytes(b"data")
    (tmp_path / "volume").hardlink_to(part)
    with pytest.raises(Conflict):
        await FileWriter.open(part, WriteShape(size=4, source_validator="v"))
    assert (tmp_path / "volume").read_bytes() == b"data"


async def test_an_unmounted_share_is_not_written_to(tmp_path: Path) -> None:
    part = tmp_path / ".stowage" / "h.1.part"
    with pytest.raises(Unavailable, match="No such file"):
        await FileWriter.open(part, WriteShape(size=4, source_validator="v"))
    assert list(tmp_path.iterdir()) == []


async def test_a_part_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"data")
    part = tmp_path / "h.1.part"
    part.symlink_to(tmp_path / "target")
    with pytest.raises(Unavailable):
        await FileWriter.open(part, WriteShape(size=4, source_validator="v"))
    assert (tmp_path / "target").read_bytes() == b"data"


async def test_a_hole_over_old_bytes_reads_as_zeros(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    shape = WriteShape(size=3 * PART, source_validator="v")
    first = await FileWriter.open(part, shape)
    for at in range(0, 3 * PART, PART):
        await first.write(at, memoryview(b"\1" * PART))
    await first.close()
    save(part, Record(size=3 * PART, validator="v", ranges=(Range(offset=0, length=PART),)))
    again = await FileWriter.open(part, shape)
    await again.zero(Range(offset=PART, length=PART))
    await again.write(2 * PART, memoryview(bytes(PART - 1) + b"\2"))
    await again.finish()
    await again.close()
    assert part.read_bytes() == b"\1" * PART + bytes(2 * PART - 1) + b"\2"


async def test_closing_without_keeping_deletes_part_and_journal(tmp_path: Path) -> None:
    part = tmp_path / "h.1.part"
    writer = await FileWriter.open(part, WriteShape(size=2 * PART, source_validator="v"))
    await writer.write(0, memoryview(b"\1" * PART))
    await writer.finish()
    assert sidecar(part).exists()
    sidecar(part).with_suffix(".new").write_text("broken off")
    await writer.close(keep=False)
    assert list(tmp_path.iterdir()) == []
