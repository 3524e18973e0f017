"""Fleets and their transport VMs as they come and go, kept up to date by events."""

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime

from stowage_contracts.caching import CacheFleetView, TransportVmView, VmState

from stowage_client.client import Client
from stowage_client.events import Event

FLEET, VM = "cache_fleet", "transport_vm"
LINES = 12
MADE_UP = 36
"""Length of an id nobody chose."""
WORDS = {FLEET: "fleet", VM: "vm"}


def short(id: str) -> str:
    """As much of an id as tells it from others nearby."""
    return id[:8] if len(id) == MADE_UP else id


@dataclass(frozen=True)
class Line:
    """Something that happened, as it is told."""

    at: datetime
    about: str
    text: str


@dataclass
class Board:
    """What is known now, of one fleet or of all."""

    fleet_id: str | None = None
    fleets: dict[str, CacheFleetView] = field(default_factory=dict)
    vms: dict[str, TransportVmView] = field(default_factory=dict)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=LINES))

    @property
    def empty(self) -> bool:
        """Whether no VM is left."""
        return not self.vms

    async def load(self, client: Client) -> None:
        """Look at the state anew."""
        fleets = [view async for view in client.fleets.list()]
        vms = [view async for view in client.vms.list(fleet_id=self.fleet_id)]
        self.fleets = {view.id: view for view in fleets if self._shown(view.id)}
        self.vms = {view.id: view for view in vms}

    def standing(self) -> list[Line]:
        """As it stands, in lines."""
        now = datetime.now(UTC)
        fleets = [
            Line(now, f"fleet {short(view.id)}", f"has {view.members} of {view.maximum} VMs")
            for view in self.fleets.values()
        ]
        vms = [
            Line(now, f"vm {short(view.id)}", f"{view.state} on {view.host_id}")
            for view in self.vms.values()
        ]
        return [*fleets, *vms]

    def hear(self, event: Event) -> Line | None:
        """Take an event in; a line where it is worth one."""
        if event.noun not in {FLEET, VM} or "state" not in event.data:
            return None
        text = self._of_fleet(event) if event.noun == FLEET else self._of_vm(event)
        if not text:
            return None
        line = Line(event.at, f"{WORDS[event.noun]} {short(event.id)}", text)
        self.lines.append(line)
        return line

    def _of_fleet(self, event: Event) -> str:
        view = CacheFleetView.model_validate(event.data["state"])
        if not self._shown(view.id):
            return ""
        if event.type == "CacheFleetRemoved":
            self.fleets.pop(view.id, None)
            return "is removed"
        before, self.fleets[view.id] = self.fleets.get(view.id), view
        if event.type == "CacheFleetHalted" and view.error is not None:
            return f"is halted: {view.error.cause}"
        if view.desired is None or (before is not None and before.desired == view.desired):
            return ""
        return f"wants {view.desired.count}, has {view.members}: {view.desired.reason}"

    def _of_vm(self, event: Event) -> str:
        view = TransportVmView.model_validate(event.data["state"])
        if not self._shown(view.fleet_id):
            return ""
        before = self.vms.get(view.id)
        if event.type == "TransportVmRemoved" or view.state is VmState.GONE:
            self.vms.pop(view.id, None)
        else:
            self.vms[view.id] = view
        if before is not None and (before.state, before.error) == (view.state, view.error):
            return ""
        known = before.reason if before is not None else ""
        reason = view.error.cause if view.error else view.reason
        news = f": {reason}" if reason not in ("", known) else ""
        return f"{view.state} on {view.host_id}{news}"

    def _shown(self, fleet_id: str) -> bool:
        return self.fleet_id in (None, fleet_id)


async def changes(client: Client, board: Board) -> AsyncGenerator[Line | None, None]:
    """Every line as it comes, None where the board was looked at anew; to no end of its own."""
    async with client.events() as stream:
        await board.load(client)
        yield None
        async with aclosing(aiter(stream)) as events:
            async for event in events:
                if event is None:
                    await board.load(client)
                    yield None
                elif (line := board.hear(event)) is not None:
                    yield line
