"""Whatever is said to data-motion in whatever order, PostgreSQL and memory hold the same copies.

It drives the copy table with its handlers and SQL, and shows that the simulator's tables, on which
thousands of worlds are run, mean what the SQL means.
"""

import asyncio
from typing import Any

from data_motion.__main__ import wire
from data_motion.records import HopRecord
from data_motion.settings import Settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from pydantic import SecretStr
from stowage_contracts.errors import OutOfSpace, SourceRefused, Stalled, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CancelCopy,
    ChangeCopy,
    DrainHost,
    HopCommitFailed,
    HopCommitted,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_contracts.messages.hypervisor_agent import (
    Heartbeat,
    HopFinished,
    HopProgressed,
    HopYielded,
)
from stowage_contracts.values import Transfer
from stowage_runtime import keys
from stowage_runtime.testing.bench import ServiceBench

from tests.simulator.copy_table import Twins
from tests.unit.data_motion.build import (
    DIGEST,
    SIZE,
    asked,
    image,
    joined,
    kvm,
    mover,
    pool,
    receipt,
)

AGENTS = {"kvm1": kvm("kvm1", slots=1), "mover1": mover("mover1", slots=2)}
HOSTS = st.sampled_from(sorted(AGENTS))
COPIES = st.sampled_from(["c1", "c2", "c3", "c4"])
ERRORS = (Stalled("no byte"), OutOfSpace("full"), SourceRefused("gone"), Unavailable("away"))
PICK = st.integers(0, 7)


class CopyTable(RuleBasedStateMachine):
    """Two tables to which everybody says anything."""

    loop: asyncio.Runner
    bench: ServiceBench[Any]

    @initialize()
    def begin(self) -> None:
        self.twins = Twins(self.bench)
        self.loop.run(self.twins.begin())
        for agent in AGENTS.values():
            self._hear(joined(agent))

    def _hear(self, message: Message) -> None:
        self.loop.run(self.twins.hear(message))

    def _hop(self, pick: int) -> HopRecord | None:
        hops = sorted(self.twins.tables.hops.values(), key=lambda hop: hop.id)
        return hops[pick % len(hops)] if hops else None

    def _report(self, kind: type[Message], pick: int, late: bool, **told: Any) -> None:
        hop = self._hop(pick)
        if hop is not None and hop.host_id is not None:
            ids = {"hop_id": hop.id, "copy_id": hop.copy_id, "epoch": hop.epoch - late}
            if "host_id" in kind.model_fields:
                ids["host_id"] = hop.host_id
            self._hear(kind(**ids, **told))

    @rule(copy_id=COPIES, where=PICK, priority=st.sampled_from([10, 0, -10]), account=PICK)
    def requested(self, copy_id: str, where: int, priority: int, account: int) -> None:
        host = AGENTS["kvm1"]
        end = pool(host) if where % 3 == 0 else image(f"store{where % 3}")
        change = {"priority": priority, "account_id": f"acc{account % 2}"}
        self._hear(asked(copy_id, image(), end, **change))

    @rule(host_id=HOSTS, boot=st.sampled_from(["boot1", "boot2"]))
    def agent_joins(self, host_id: str, boot: str) -> None:
        self._hear(joined(AGENTS[host_id], boot))

    @rule(host_id=HOSTS)
    def agent_beats(self, host_id: str) -> None:
        self._hear(Heartbeat(host_id=host_id, boot_id="boot1"))

    @rule(pick=PICK, late=st.booleans(), share=st.integers(0, 4))
    def hop_progresses(self, pick: int, late: bool, share: int) -> None:
        figures = Transfer(bytes_done=SIZE * share // 4, bytes_total=SIZE)
        self._report(HopProgressed, pick, late, transfer=figures)

    @rule(pick=PICK, late=st.booleans(), fails=st.integers(0, 7))
    def hop_finishes(self, pick: int, late: bool, fails: int) -> None:
        if fails < len(ERRORS):
            self._report(HopFinished, pick, late, error=ERRORS[fails].problem)
        else:
            self._report(HopFinished, pick, late, receipt=receipt())

    @rule(pick=PICK, late=st.booleans(), fails=st.booleans())
    def hop_is_committed(self, pick: int, late: bool, fails: bool) -> None:
        if fails:
            self._report(HopCommitFailed, pick, late, error=ERRORS[0].problem)
        else:
            self._report(HopCommitted, pick, late, digest=DIGEST)

    @rule(pick=PICK, late=st.booleans())
    def hop_yields(self, pick: int, late: bool) -> None:
        self._report(HopYielded, pick, late)

    @rule(
        copy_id=COPIES,
        order=st.sampled_from([CancelCopy, PauseCopy, ResumeCopy, ResumeCopy, RerouteCopy]),
    )
    def copy_is_steered(self, copy_id: str, order: type[Message]) -> None:
        self._hear(order(copy_id=copy_id))

    @rule(copy_id=COPIES, priority=st.sampled_from([10, 0, -10]))
    def copy_is_changed(self, copy_id: str, priority: int) -> None:
        self._hear(ChangeCopy(copy_id=copy_id, priority=priority, bytes_per_second=1 << 20))

    @rule(host_id=HOSTS, drains=st.booleans())
    def host_is_drained(self, host_id: str, drains: bool) -> None:
        self._hear(DrainHost(host_id=host_id, drains=drains))

    @rule(seconds=st.sampled_from([0.5, 3, 12, 25, 70, 700]))
    def time_passes(self, seconds: float) -> None:
        self.loop.run(self.twins.pass_time(seconds))
        self.loop.run(self.twins.sweep())

    @invariant()
    def both_hold_the_same(self) -> None:
        assert self.loop.run(self.twins.differences()) == []


def test_postgresql_and_memory_hold_the_same_copies(database_url: str) -> None:
    key = SecretStr(keys.make()["stowage_ticket_signing_key"])
    service = wire(
        Settings(database_url=SecretStr(database_url), ticket_signing_key=key, store_slots=2)
    )
    few = settings(
        max_examples=4,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    with asyncio.Runner() as loop:
        opened = ServiceBench.open(service, database_url)
        bench = loop.run(opened.__aenter__())
        try:
            machine = type("Machine", (CopyTable,), {"loop": loop, "bench": bench})
            run_state_machine_as_test(machine, settings=few)
        finally:
            loop.run(opened.__aexit__(None, None, None))
