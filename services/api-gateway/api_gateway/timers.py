"""What api-gateway does by the clock: forget what has served its time, own up to silence."""

from stowage_contracts.messages.image_store import DeleteVolume
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Timer

from api_gateway.cloudstack.commands import COMMANDS
from api_gateway.cloudstack.jobs import Job, settled
from api_gateway.cloudstack.sessions import PEACE
from api_gateway.deps import Deps
from api_gateway.orders import IMAGE_STORE
from api_gateway.telling import give_up

BATCH = 20_000
"""Rows forgotten at a time: a run stays short."""
JOBS = 200
"""Pending jobs looked at in one run."""
SILENCE = "its owner, which has not answered: is it running, is there a dead letter of it?"


async def forget(tx: Tx, deps: Deps) -> None:
    """Trim the feed, remembered idempotency keys, links and sessions that ended."""
    settings = deps.settings
    await tx.run("feed_old", settings.feed_seconds, BATCH, settings.sink_keep_seconds)
    await tx.run("idempotency_old", deps.settings.idempotency_seconds, BATCH)
    await tx.run("links_old", deps.settings.links_seconds, BATCH)
    await tx.run("sessions_old", BATCH)
    await tx.run("login_failures_old", PEACE, BATCH)


async def release_held(tx: Tx, deps: Deps) -> None:
    """Tell events that have waited in vain for the one before them."""
    if await give_up(tx):
        deps.feed.ring()


async def own_up(tx: Tx, deps: Deps) -> None:
    """Tell of copies that were asked for and that nobody has spoken of."""
    await tx.run("unanswered", deps.settings.unanswered_seconds, SILENCE)


async def settle_jobs(tx: Tx, deps: Deps) -> None:
    """Note the end of CloudStack jobs that nobody asks for, some at a time; forget old ones."""
    for row in await tx.rows("jobs_pending", JOBS):
        job = Job.of(row)
        await settled(job, COMMANDS[job.command.lower()].follow, tx)
    await tx.run("jobs_old", deps.settings.job_seconds, BATCH)


async def expunge(tx: Tx, deps: Deps) -> None:
    """Delete volumes that were destroyed so long ago that nobody takes them back."""
    for row in await tx.rows("volumes_to_expunge", deps.settings.expunge_seconds, JOBS):
        await tx.say(DeleteVolume(volume_id=row["id"]), to=IMAGE_STORE)


TIMERS = (
    Timer[Deps]("forget", 15, forget),
    Timer[Deps]("own up", 15, own_up),
    Timer[Deps]("release held", 5, release_held),
    Timer[Deps]("settle jobs", 5, settle_jobs),
    Timer[Deps]("expunge", 15, expunge),
)
