"""The sidecar beside a file part: which ranges are durable, and of which source."""

import json
import os
from pathlib import Path

from pydantic import ValidationError
from stowage_contracts.errors import SourceChanged
from stowage_contracts.values import Range, Value

from hypervisor_agent.engine.ranges import merge


class Record(Value):
    """What a sidecar says."""

    size: int
    validator: str
    ranges: tuple[Range, ...] = ()


def sidecar(part: Path) -> Path:
    """Where the journal of ``part`` lies."""
    return part.with_name(part.name + ".journal")


def drop(part: Path) -> None:
    """Delete a part and what was written beside it."""
    part.unlink(missing_ok=True)
    forget(part)


def forget(part: Path) -> None:
    """Delete what was written beside a part."""
    sidecar(part).unlink(missing_ok=True)
    _unfinished(part).unlink(missing_ok=True)


def load(part: Path, size: int, validator: str) -> tuple[Range, ...]:
    """Durable ranges of a part, trusted only for the same known source and length.

    Raises SourceChanged when the part was begun from another version of the source.
    """
    try:
        text = sidecar(part).read_bytes()
    except FileNotFoundError:
        return ()
    return trusted(text, Record(size=size, validator=validator), part.name)


def trusted(text: bytes, wanted: Record, name: str) -> tuple[Range, ...]:
    """What a sidecar's text says of part ``name``, as ``load``; ``wanted`` has no ranges."""
    size, validator = wanted.size, wanted.validator
    try:
        record = Record.model_validate(json.loads(text))
    except (ValueError, ValidationError):
        return ()
    if not validator or not record.validator:
        return ()
    if (record.validator, record.size) != (validator, size):
        raise SourceChanged("the part was begun from another version", resource=name)
    return merge(record.ranges)


def save(part: Path, record: Record) -> None:
    """Replace the sidecar; call it only after the ranges themselves were synced."""
    text, new = record.model_dump_json().encode(), _unfinished(part)
    number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o640)
    try:
        os.write(number, text)
        os.fdatasync(number)
    finally:
        os.close(number)
    new.replace(sidecar(part))


def _unfinished(part: Path) -> Path:
    return part.with_name(part.name + ".new")
