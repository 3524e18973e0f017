"""What an agent says of a hop's end, kept for a while: a report may be lost."""

from collections import OrderedDict

from stowage_contracts.errors import StowageError
from stowage_contracts.messages.hypervisor_agent import ExecuteHop, HopFinished, HopYielded
from stowage_contracts.values import Range, Receipt

from hypervisor_agent.fencing import REMEMBERED

Report = HopFinished | HopYielded


class Reports:
    """The last report of each hop; the oldest are forgotten."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Report] = OrderedDict()

    def keep(self, report: Report) -> None:
        """Remember it."""
        self._kept[report.hop_id] = report
        while len(self._kept) > REMEMBERED:
            self._kept.popitem(last=False)

    def of(self, hop_id: str, epoch: int) -> Report | None:
        """The report of an epoch, if it is the last one of its hop."""
        report = self._kept.get(hop_id)
        return report if report is not None and report.epoch == epoch else None


def moved(order: ExecuteHop, host_id: str, receipt: Receipt) -> HopFinished:
    """All bytes are there, verified."""
    return HopFinished(
        host_id=host_id,
        hop_id=order.hop_id,
        copy_id=order.copy_id,
        epoch=order.epoch,
        receipt=receipt,
    )


def failed(order: ExecuteHop, host_id: str, error: StowageError) -> HopFinished:
    """It ended with an error."""
    return HopFinished(
        host_id=host_id,
        hop_id=order.hop_id,
        copy_id=order.copy_id,
        epoch=order.epoch,
        error=error.problem,
    )


def yielded(order: ExecuteHop, host_id: str, done: tuple[Range, ...]) -> HopYielded:
    """It stopped because it was asked to."""
    return HopYielded(
        host_id=host_id,
        hop_id=order.hop_id,
        copy_id=order.copy_id,
        epoch=order.epoch,
        journaled=done,
    )
