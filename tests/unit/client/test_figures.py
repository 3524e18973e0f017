"""Figures and bars, without a server."""

import io

import pytest
from rich.console import Console
from stowage_client.commands import figures
from stowage_client.commands.progress import Bars, shown
from stowage_client.commands.shell import Shell
from stowage_contracts.values import Transfer
from stowage_contracts.views import CopyView, HopView

from tests.unit.api_gateway import words


def copy(**changes: object) -> CopyView:
    return CopyView.model_validate({**dict(words.planned("c1").state), **changes})


def hop(order: int, state: str, done: int = 0, total: int | None = None) -> HopView:
    transfer = Transfer(bytes_done=done, bytes_total=total)
    return HopView(
        id=f"h{order}", order=order, state=state, source="a", destination="b", transfer=transfer
    )


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "?"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (3 << 40, "3.0 TiB"),
        (5000 << 40, "5000.0 TiB"),
    ],
)
def test_sizes_are_read_in_their_unit(count: int | None, text: str) -> None:
    assert figures.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "-"), (0, "0:00"), (59.6, "1:00"), (3723, "1:02:03")]
)
def test_durations_are_read_as_clocks(seconds: float | None, text: str) -> None:
    assert figures.duration(seconds) == text


def test_a_copys_live_figures_belong_to_its_current_hop() -> None:
    view = copy(
        state="running",
        transfer=Transfer(bytes_done=140, bytes_total=200, bytes_per_second=7),
        hops=(hop(0, "committed", 100, 100), hop(1, "moving", 10)),
    )
    first, second = figures.hop_transfers(view)
    assert first.bytes_done == 100
    assert (second.bytes_done, second.bytes_total, second.bytes_per_second) == (40, 100, 7)


def test_a_terminal_gets_a_bar_for_the_copy_and_one_for_each_hop() -> None:
    out = Console(file=io.StringIO(), force_terminal=True, width=200)
    shell = Shell("", "", False, out, out)
    with shown(shell, "disk") as bars:
        assert isinstance(bars, Bars)
        hops = (hop(0, "committed", 100, 100), hop(1, "moving", 10, 100))
        transfer = Transfer(bytes_done=110, bytes_total=200, bytes_per_second=5, eta_seconds=18)
        bars.update(copy(state="running", transfer=transfer, hops=hops))
    assert isinstance(out.file, io.StringIO)
    drawn = out.file.getvalue()
    for text in ("disk", "55%", "5 B/s", "eta 0:18", "hop 1", "hop 2", "100%", "10%"):
        assert text in drawn
