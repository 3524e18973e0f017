"""A simulated cloud: three services with their real handlers, agents, stores and a bus."""

from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from cache_autoscaler.deps import Deps as CacheDeps
from cache_autoscaler.handlers import HANDLERS as CACHE_HANDLERS
from cache_autoscaler.handlers import REQUESTS as CACHE_REQUESTS
from cache_autoscaler.handlers import SIGNALS as CACHE_SIGNALS
from cache_autoscaler.intents import INTENTS as CACHE_INTENTS
from cache_autoscaler.selectors.fitting import Fitting
from cache_autoscaler.store import store_view
from cache_autoscaler.timers import TIMERS as CACHE_TIMERS
from data_motion.deps import Deps as MotionDeps
from data_motion.endpoints.locality import LocalityThenLoad
from data_motion.handlers import HANDLERS as MOTION_HANDLERS
from data_motion.handlers import SIGNALS as MOTION_SIGNALS
from data_motion.intents import INTENTS as MOTION_INTENTS
from data_motion.model.limits import Rules
from data_motion.strategies.direct import DirectStrategy
from data_motion.strategies.via_cache import ViaCacheStrategy
from data_motion.timers import TIMERS as MOTION_TIMERS
from image_store.deps import Deps as ImageDeps
from image_store.handlers import HANDLERS as IMAGE_HANDLERS
from image_store.handlers import REQUESTS as IMAGE_REQUESTS
from image_store.installing.full_copy import FullCopy
from image_store.intents.kinds import INTENTS as IMAGE_INTENTS
from image_store.timers import TIMERS as IMAGE_TIMERS
from stowage_contracts.hosts import HostAbilities
from stowage_contracts.message import Message
from stowage_contracts.messages.cache_autoscaler import CacheAdded
from stowage_contracts.messages.data_motion import (
    CommitHop,
    CopyCancelled,
    CopyCompleted,
    CopyFailed,
)
from stowage_contracts.messages.image_store import (
    PrefetchObject,
    RedeemGrant,
    ReleaseGrants,
    RequestCopy,
)
from stowage_contracts.values import ServiceName
from stowage_contracts.views import StoreView
from stowage_runtime.service import Service

from tests.simulator.agents import Agent
from tests.simulator.bus import Bus, Letter
from tests.simulator.kernel import Kernel, Node
from tests.simulator.scenery import (
    LIMITS,
    POOLS,
    Seals,
    agents,
    cache_settings,
    furnish_caches,
    furnish_images,
    image_settings,
    place,
)
from tests.simulator.service import Host
from tests.simulator.stores import Shelf, SimStore
from tests.simulator.tables.caches import CacheTables
from tests.simulator.tables.data_motion import MotionTables
from tests.simulator.tables.image_store import ImageTables

CACHE_TIMERS_KEPT = ("sweep", "keep-marks", "probe-stores")
D = TypeVar("D")
OF_COPIES = (CommitHop, ReleaseGrants, CopyCompleted, CopyFailed, CopyCancelled)


@dataclass(eq=False)
class World:
    """Everything there is, by name."""

    seed: int
    ranges: int = 8
    said: int = field(init=False, default=0)
    """Orders from outside so far."""
    cache_images: float = 2.0
    kernel: Kernel = field(init=False)
    bus: Bus = field(init=False)
    hand: Node = field(init=False)
    stores: dict[str, SimStore] = field(init=False)
    agents: dict[str, Agent] = field(init=False)
    services: dict[str, Host] = field(init=False)

    def __post_init__(self) -> None:
        self.kernel = Kernel(self.seed)
        self.bus, self.hand = Bus(self.kernel), Node("the hand")
        self.stores = {store.id: store for store in self._stores()}
        self.motion, self.images, self.caches = MotionTables(), ImageTables(), CacheTables()
        furnish_images(self.images, self.stores)
        self.caches.now = self.kernel.time()
        view = self.add_cache()
        parts: list[tuple[Service[Any], Any]] = [
            (motion_service(), self.motion),
            (image_service(self.stores), self.images),
            (cache_service(self.stores), self.caches),
        ]
        self.services = {s.name: Host(s, t, self.kernel, self.bus) for s, t in parts}
        self.agents = {host_id: self._agent(host_id, can) for host_id, can in agents().items()}
        self.say(CacheAdded(state=view), ServiceName.CACHE_AUTOSCALER)

    def add_cache(self) -> StoreView:
        """One more cache store, as its owner shows it."""
        count = sum(name.startswith("cache") for name in self.stores)
        store = SimStore(f"cache{count or ''}", self.kernel, False, "/cache")
        self.stores[store.id] = store
        furnish_caches(self.caches, store, self.ranges * self.cache_images)
        return store_view(cast(Any, self.caches.q_store(store.id)[0]))

    def say(self, message: Message, source: str, to: str = "") -> None:
        """Something said from outside, once."""
        serial = self.kernel.random.randrange(1 << 48)
        self.said += 1
        letter = Letter(f"hand-{serial:012x}", source, message, to, sequence=self.said)
        self.bus.publish(letter)

    def _agent(self, host_id: str, can: HostAbilities) -> Agent:
        where, hops = place(host_id), lambda: self.motion.hops
        return Agent(host_id, where, can, self.kernel, self.bus, self.stores, self.ranges, hops)

    def _stores(self) -> list[SimStore]:
        kernel = self.kernel
        pools = [SimStore(f"pool-{h}", kernel, False, f"/pool/{h}") for h in POOLS]
        images = [SimStore("s3", kernel, True), SimStore("nfs", kernel, False, "/nfs")]
        return [*images, *pools]

    @property
    def quiet(self) -> bool:
        """Whether nothing goes on, and nothing is left to be done."""
        if not self.bus.empty or self.motion.unfinished():
            return False
        if any(agent.running for agent in self.agents.values()):
            return False
        clean = not (self.caches.pins or self.images.askers)
        return clean and all(host.idle for host in self.services.values())


def _deps(kind: type[D], **given: Any) -> D:
    """A service's collaborators; what no copy needs is not there."""
    names = getattr(kind, "__dataclass_fields__")  # noqa: B009 - mypy knows no dataclass here
    return kind(**{name: given.get(name) for name in names})


def motion_service() -> Service[MotionDeps]:
    """data-motion with its built-in plug-ins."""
    deps = _deps(
        MotionDeps,
        strategies={"direct": DirectStrategy(), "via-cache": ViaCacheStrategy()},
        selector=LocalityThenLoad(),
        rules=Rules(LIMITS, Seals().sign),
        keep_days=30,
    )
    return Service(
        name=ServiceName.DATA_MOTION,
        package="data_motion",
        deps=deps,
        handlers=MOTION_HANDLERS,
        signals=MOTION_SIGNALS,
        intents=MOTION_INTENTS,
        timers=[timer for timer in MOTION_TIMERS if timer.name == "sweep"],
    )


def image_service(stores: dict[str, SimStore]) -> Service[ImageDeps]:
    """image-store, as far as copies go: no probes, scans, scrubs or wishes."""
    deps = _deps(
        ImageDeps,
        settings=image_settings(),
        stores=Shelf(stores),
        verifier=Seals(),
        installers={"full-copy": FullCopy()},
    )
    return Service(
        name=ServiceName.IMAGE_STORE,
        package="image_store",
        deps=deps,
        handlers={kind: IMAGE_HANDLERS[kind] for kind in (*OF_COPIES, RequestCopy, PrefetchObject)},
        requests={RedeemGrant: IMAGE_REQUESTS[RedeemGrant]},
        intents=IMAGE_INTENTS,
        timers=[timer for timer in IMAGE_TIMERS if timer.name == "ask-again"],
    )


def cache_service(stores: dict[str, SimStore]) -> Service[CacheDeps]:
    """cache-autoscaler, as far as copies go."""
    deps = _deps(
        CacheDeps,
        settings=cache_settings(),
        stores=Shelf(stores),
        verifier=Seals(),
        selector=Fitting(),
    )
    kept = [replace(t, seconds=5) for t in CACHE_TIMERS if t.name in CACHE_TIMERS_KEPT]
    return Service(
        name=ServiceName.CACHE_AUTOSCALER,
        package="cache_autoscaler",
        deps=deps,
        handlers={kind: CACHE_HANDLERS[kind] for kind in OF_COPIES},
        requests=CACHE_REQUESTS,
        signals=CACHE_SIGNALS,
        intents=CACHE_INTENTS,
        timers=kept,
    )
