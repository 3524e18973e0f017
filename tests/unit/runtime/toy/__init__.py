"""A service as small as one can be, for tests of the runtime; it borrows image-store's words."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from stowage_contracts.errors import StowageError
from stowage_contracts.grants import Grant
from stowage_contracts.messages.hypervisor_agent import Heartbeat
from stowage_contracts.messages.image_store import (
    AddPod,
    AddZone,
    GrantRedeemed,
    PodAdded,
    RedeemGrant,
    ZoneAdded,
)
from stowage_contracts.values import ServiceName, Value
from stowage_contracts.views import PodView, ZoneView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Service, Settle, Timer

NAME = ServiceName.IMAGE_STORE.value
PACKAGE = "tests.unit.runtime.toy"


@dataclass
class World:
    """What the toy meets outside, and the faults a test arranges."""

    faults: list[Exception] = field(default_factory=list)
    """Raised by the next runs of anything, one each."""
    surveyed: list[str] = field(default_factory=list)
    given_up: list[StowageError] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """A survey waits for it."""
    within: timedelta = timedelta(minutes=5)
    handled: int = 0
    again: int = 0
    """How often the outcome of a survey intends another one."""

    def __post_init__(self) -> None:
        self.open.set()

    def meet_fault(self) -> None:
        if self.faults:
            raise self.faults.pop(0)


class Survey(Value):
    """Payload of the toy's intent."""

    pod_id: str
    name: str


async def on_add_zone(message: AddZone, tx: Tx, world: World) -> None:
    world.handled += 1
    await tx.run("add_zone", message.zone_id, message.name, {"by": "toy"})
    await tx.say(ZoneAdded(state=ZoneView(id=message.zone_id, name=message.name)))
    world.meet_fault()


async def on_add_pod(message: AddPod, tx: Tx, world: World) -> None:
    survey = Survey(pod_id=message.pod_id, name=message.name)
    await tx.intend("survey", survey, key=message.pod_id, within=world.within)


async def on_heartbeat(message: Heartbeat, tx: Tx, world: World) -> None:
    world.meet_fault()
    await tx.run("add_beat", message.host_id)


async def on_redeem(message: RedeemGrant, desk: Desk, world: World) -> GrantRedeemed:
    world.meet_fault()
    async with desk.transaction() as tx:
        grant = Grant(size=len(await tx.rows("zones")), expires=datetime.now(UTC))
    return GrantRedeemed(grant_id=message.grant_id, grant=grant)


async def run_survey(survey: Survey, desk: Desk, world: World) -> Settle:
    world.surveyed.append(survey.pod_id)
    await world.open.wait()
    world.meet_fault()

    async def settle(tx: Tx) -> None:
        await tx.run("add_pod", survey.pod_id, survey.name)
        await tx.say(PodAdded(state=PodView(id=survey.pod_id, name=survey.name, zone_id="z")))
        if world.again:
            world.again -= 1
            more = Survey(pod_id=survey.pod_id, name="again")
            await tx.intend("survey", more, key=survey.pod_id, within=world.within)

    return settle


async def give_up_survey(survey: Survey, error: StowageError, tx: Tx, world: World) -> None:
    world.given_up.append(error)
    await tx.run("add_pod", survey.pod_id, f"failed: {error.code}")


async def sweep(tx: Tx, world: World) -> None:
    world.meet_fault()
    await tx.run("add_beat", "swept")


def toy(world: World | None = None, *, seconds: float = 3600) -> Service[World]:
    """The toy service in that world."""
    return Service(
        name=NAME,
        package=PACKAGE,
        deps=world or World(),
        handlers={AddZone: on_add_zone, AddPod: on_add_pod},
        requests={RedeemGrant: on_redeem},
        signals={Heartbeat: on_heartbeat},
        intents=(IntentKind("survey", Survey, run_survey, give_up_survey, parallel=2),),
        timers=(Timer("sweep", seconds, sweep),),
    )
