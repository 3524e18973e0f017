"""data-motion's tables of what it was told: agents, stores, fleets."""

from typing import Any

from data_motion.records import AgentRecord, FleetRecord, StoreRecord
from stowage_contracts.values import StoreRole
from stowage_contracts.views import StoreView

from tests.simulator.tables.rows import Table, Tables


class PlaceTables(Tables):
    """Agents, stores, fleets."""

    agents: Table
    stores: Table
    fleets: Table

    def q_save_agent(self, row: dict[str, Any]) -> int:
        agent = AgentRecord.model_validate(row)
        known = self.agents.get(agent.host_id)
        names = ("draining", "drain_left", "drain_sequence")
        kept = {name: getattr(known, name) for name in names} if known else {}
        self.agents[agent.host_id] = agent.having(**kept)
        return 1

    def q_agent_seen(self, host_id: str, seconds: float) -> bool | None:
        if host_id not in self.agents:
            return None
        before = self.agents[host_id]
        self.agents[host_id] = before.having(seen=self.now)
        return bool(before.seen < self.later(-seconds))

    def q_save_store(self, row: dict[str, Any]) -> int:
        store = StoreRecord.model_validate(row)
        known = self.stores.get(store.id)
        if known is None or known.sequence <= store.sequence:
            self.stores[store.id] = store
        return 1

    def q_save_fleet(self, row: dict[str, Any]) -> int:
        fleet = FleetRecord.model_validate(row)
        known = self.fleets.get(fleet.id)
        if known is None or known.sequence <= fleet.sequence:
            self.fleets[fleet.id] = fleet
        return 1

    def q_drop_fleet(self, fleet_id: str) -> int:
        return int(self.fleets.pop(fleet_id, None) is not None)

    def q_forget_stores(self) -> int:
        return 0

    def _caches(self) -> list[StoreView]:
        there = (store for _, store in sorted(self.stores.items()) if store.removed is None)
        views = (store.view for store in there)
        return [view for view in views if view.role is StoreRole.IMAGE_CACHE]

    def q_drain_agent(self, host_id: str, why: str, said: int) -> str | None:
        agent = self.agents.get(host_id)
        if agent is None or said < agent.drain_sequence:
            return None
        drained = agent.having(draining=why, drain_left=None, drain_sequence=said)
        self.agents[host_id] = drained
        return host_id
