"""What image-store does by the clock: hosts gone silent, stores probed, inspections sent."""

from stowage_contracts.messages.image_store import CopyRequested, HostChanged
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from image_store.deps import Deps
from image_store.handlers.demoting import demote_copied
from image_store.handlers.uploads import abandon
from image_store.intents.hosts import intend_tell
from image_store.intents.lifecycles import intend_lifecycle
from image_store.intents.probing import intend_probe
from image_store.intents.scanning import intend_scan
from image_store.judging.inspection import send_due
from image_store.keeping.evacuating import follow
from image_store.keeping.keeper import keep
from image_store.keeping.removals import send_removals
from image_store.keeping.scrubbing import scrub
from image_store.objects.leaves import forget_leaves
from image_store.objects.lineage import release_parents
from image_store.objects.replicas import release_bases
from image_store.providers import offer
from image_store.views import host_view

GRANTS_KEPT_SECONDS = 7 * 86400.0


async def notice_silence(tx: Tx, deps: Deps) -> None:
    """A host without heartbeats is Disconnected until it is heard again."""
    for host in await tx.rows("hosts_silent", deps.settings.host_silent_seconds):
        await tx.say(HostChanged(state=host_view(host)))
        await intend_tell(tx, host["id"])


async def probe_stores(tx: Tx, deps: Deps) -> None:
    """Every store is proven again from time to time."""
    for store in await tx.rows("stores_to_probe", deps.settings.probe_seconds):
        await intend_probe(tx, store["id"])


async def tell_lifecycles(tx: Tx, deps: Deps) -> None:
    """Whoever changed a store's state, its life cycle hears of it."""
    for store in await tx.rows("stores_untold"):
        await intend_lifecycle(tx, store["id"])


async def scan_stores(tx: Tx, deps: Deps) -> None:
    """Every store is compared with the catalogue from time to time."""
    for store in await tx.rows("stores_to_scan", deps.settings.scan_seconds):
        await intend_scan(tx, store["id"])


async def ask_again(tx: Tx, deps: Deps) -> None:
    """A request, or a copy's end, may have been lost to a dead letter: data-motion tells again."""
    for row in await tx.rows("unanswered", deps.settings.ask_again_seconds):
        await tx.say(CopyRequested.model_validate(row["request"]))


async def forget_grants(tx: Tx, deps: Deps) -> None:
    """Ended grants are of no use to anybody after a week."""
    await tx.run("grants_old", GRANTS_KEPT_SECONDS)
    await tx.run("overtaken_old", GRANTS_KEPT_SECONDS)


async def release(tx: Tx, deps: Deps) -> None:
    """Snapshots that were held only by others go when those have gone."""
    await release_parents(tx)


async def remove(tx: Tx, deps: Deps) -> None:
    """What is to go from pools goes; a base after the last volume that stood on it."""
    await release_bases(tx)
    await send_removals(tx, deps)


TIMERS = (
    Timer[Deps]("notice-silence", 2, notice_silence),
    Timer[Deps]("probe-stores", 10, probe_stores),
    Timer[Deps]("tell-lifecycles", 5, tell_lifecycles),
    Timer[Deps]("offer-providers", 3600, offer),
    Timer[Deps]("scan-stores", 60, scan_stores),
    Timer[Deps]("send-inspections", 0.5, send_due),
    Timer[Deps]("keep", 0.5, keep),
    Timer[Deps]("follow-evacuations", 1, follow),
    Timer[Deps]("demote-copied", 2, demote_copied),
    Timer[Deps]("scrub", 30, scrub),
    Timer[Deps]("remove", 1, remove),
    Timer[Deps]("release-parents", 10, release),
    Timer[Deps]("abandon-uploads", 5, abandon),
    Timer[Deps]("ask-again", 10, ask_again),
    Timer[Deps]("forget-grants", 3600, forget_grants),
    Timer[Deps]("forget-leaves", 3600, forget_leaves),
)
