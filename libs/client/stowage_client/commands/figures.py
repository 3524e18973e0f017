"""Figures as people read them."""

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


def duration(seconds: float | None) -> str:
    """``1:02:03``, ``2:03``, or ``-`` when nobody knows."""
    if seconds is None:
        return "-"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percent(transfer: Transfer) -> str:
    """How much is done, where the total is known."""
    if not transfer.bytes_total:
        return "-"
    return f"{100 * transfer.bytes_done / transfer.bytes_total:.0f}%"


def line(view: CopyView) -> str:
    """A copy in one line."""
    transfer = view.transfer
    parts = [
        view.state,
        percent(transfer),
        f"{size(transfer.bytes_done)}/{size(transfer.bytes_total)}",
    ]
    if view.state == "running":
        parts += [f"{size(transfer.bytes_per_second)}/s", f"eta {duration(transfer.eta_seconds)}"]
    phase = view.waiting_for if view.state == "waiting" else transfer.phase
    return "  ".join([*parts, phase] if phase else parts)


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
