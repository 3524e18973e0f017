"""Figures as people read and write them."""

import re
from datetime import datetime

from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import Transfer
from stowage_contracts.views import CopyView


def size(count: float | None) -> str:
    """Bytes in the largest unit that leaves a whole number before the point."""
    if count is None:
        return "?"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError("unreachable")


_UNITS = {"": 0, "K": 10, "M": 20, "G": 30, "T": 40}
_SIZE = re.compile(r"(\d+)([KMGT]?)(?:i?B)?", re.IGNORECASE)


def parsed_size(text: str) -> int:
    """Bytes of ``512``, ``64M``, ``2GiB``; units are powers of 1024. Raises InvalidInput."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{text!r} is no size", code="argument", hint="512, 64M, 2GiB, …")
    return int(found[1]) << _UNITS[found[2].upper()]


_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"(\d+(?:\.\d+)?)([smhd]?)")


def parsed_time(text: str) -> float:
    """Seconds of ``30s``, ``10m``, ``2h``, ``7d``. Raises InvalidInput."""
    found = _TIME.fullmatch(text.strip())
    if found is None:
        raise InvalidInput(f"{text!r} is no time", code="argument", hint="30s, 10m, 2h, 7d")
    return float(found[1]) * _TIMES[found[2]]


def duration(seconds: float | None) -> str:
    """``1:02:03``, ``2:03``, or ``-`` when nobody knows."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def when(at: datetime | None) -> str:
    """A moment in this machine's time."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}" if at else ""


def percent(transfer: Transfer) -> str:
    """How much is done, where the total is known."""
    if not transfer.bytes_total:
        return "-"
    return f"{100 * transfer.bytes_done / transfer.bytes_total:.0f}%"


def line(view: CopyView) -> str:
    """A copy in one line."""
    transfer = view.transfer
    parts = [view.state, *_amount(transfer)]
    if view.state == "running":
        parts += _speed(transfer)
    phase = {"waiting": view.waiting_for, "paused": view.paused}.get(view.state, transfer.phase)
    return "  ".join([*parts, phase] if phase else parts)


def moving(transfer: Transfer) -> str:
    """A transfer in one line."""
    parts = [*_amount(transfer), *_speed(transfer)]
    return "  ".join([*parts, transfer.phase] if transfer.phase else parts)


def _amount(transfer: Transfer) -> list[str]:
    return [percent(transfer), f"{size(transfer.bytes_done)}/{size(transfer.bytes_total)}"]


def _speed(transfer: Transfer) -> list[str]:
    return [f"{size(transfer.bytes_per_second)}/s", f"eta {duration(transfer.eta_seconds)}"]


def hop_transfers(view: CopyView) -> list[Transfer]:
    """Each hop's figures; what a copy reports between states belongs to its current hop."""
    transfers = [hop.transfer for hop in view.hops]
    current = next((i for i, hop in enumerate(view.hops) if hop.state in MOVING), None)
    if current is not None:
        others = sum(t.bytes_done for i, t in enumerate(transfers) if i != current)
        done = max(transfers[current].bytes_done, view.transfer.bytes_done - others)
        live = {**dict(view.transfer), "bytes_done": done}
        total = transfers[current].bytes_total or _share(view)
        transfers[current] = Transfer(**{**live, "bytes_total": total})
    return transfers


MOVING = {"offered", "moving", "verified", "committing"}


def _share(view: CopyView) -> int | None:
    total = view.transfer.bytes_total
    return None if total is None else total // len(view.hops)
