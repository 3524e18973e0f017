"""What a demo shows: live progress, plans, and the timeline."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Table

from examples.demo.web import Api

TOLD = (
    "TemplateChanged",
    "CopyRequested",
    "CopyPlanned",
    "CopyStarted",
    "HopCommitted",
    "CopyCompleted",
    "CopyFailed",
    "ReplicaReady",
    "ReplicaFailed",
    "StoreAdded",
    "CacheAdded",
    "HostChanged",
)


class Screen:
    """Follows the API's events and draws them."""

    def __init__(self, console: Console, api: Api) -> None:
        self.console, self._api = console, api
        self._began, self._lines = time.monotonic(), list[str]()
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
        self.progress = Progress(*columns, TransferSpeedColumn(), console=console)
        self._bars: dict[str, Any] = {}

    async def follow(self) -> None:
        """Until cancelled."""
        async for event in self._api.events():
            if event["noun"] == "copy":
                self._move(event["id"], event["data"])
            if event["type"] in TOLD:
                after = time.monotonic() - self._began
                told = f"{event['type']:<16} {event['noun']}/{event['id']}"
                self._lines.append(f"{after:7.2f} s  {told}")

    def name(self, copy_id: str, text: str) -> None:
        """Show a bar for a copy."""
        self._bars[copy_id] = self.progress.add_task(text, total=None)

    def _move(self, copy_id: str, data: dict[str, Any]) -> None:
        transfer = data.get("transfer") or data.get("state", {}).get("transfer")
        if copy_id in self._bars and transfer:
            done, total = transfer["bytes_done"], transfer["bytes_total"]
            self.progress.update(self._bars[copy_id], completed=done, total=total)

    def plan(self, explanation: dict[str, Any]) -> None:
        """Every strategy's answer, and the hops of the chosen one."""
        table = Table("strategy", "answer", title=f"plan of copy {explanation['copy_id'][:8]}")
        for answer in explanation["answers"]:
            mark = "→ " if answer["chosen"] else "  "
            table.add_row(mark + answer["strategy"], answer["reason"] or answer["missing"])
        self.console.print(table)
        for hop in explanation["hops"]:
            self.console.print(
                f"  hop {hop['order'] + 1}: {hop['source']} → {hop['destination']}"
                f" on {hop['host_id']} ({hop['endpoint_reason']}): {hop['state']}"
            )

    def timeline(self) -> None:
        """Everything that happened, in order."""
        self.console.rule("timeline")
        for line in self._lines:
            self.console.print(line, highlight=False)
