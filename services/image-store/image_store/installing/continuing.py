"""Waiting volumes go on when their base is settled, each in a transaction of its own."""

from asyncpg import Record
from stowage_contracts.errors import Problem, StowageError
from stowage_contracts.messages.image_store import RequestCopy
from stowage_contracts.values import ObjectKind
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, IntentKind, Settle

from image_store.deps import Deps
from image_store.installing.requesting import request
from image_store.installing.stirring import InstallWork
from image_store.objects.replicas import fail_replica
from image_store.store import lock_ref


async def go_on(work: InstallWork, desk: Desk, deps: Deps) -> Settle:
    """Ask for the volume's bytes, or for its base anew where that was only cancelled."""

    async def settle(tx: Tx) -> None:
        row = await _locked(work, tx)
        if row is None:
            return
        try:
            if work.error is not None:
                raise work.error.error()
            await request(RequestCopy.model_validate(row["request"]), tx, deps)
        except StowageError as error:
            await _fail(tx, row, error.problem)
        await tx.run("drop_install", row["copy_id"], row["base_ref"])

    return settle


async def _locked(work: InstallWork, tx: Tx) -> Record | None:
    """What waits, read once more when nobody else can change it: it may have been deleted."""
    row = await tx.row("install", work.copy_id)
    if row is None:
        return None
    message = RequestCopy.model_validate(row["request"])
    await tx.row("object", ObjectKind.TEMPLATE, message.template_id)
    await tx.row("object", ObjectKind.VOLUME, message.volume_id)
    return await tx.row("install", work.copy_id)


async def _fail(tx: Tx, row: Record, problem: Problem) -> None:
    ref = await lock_ref(tx, row["ref_id"])
    if ref is not None:
        await fail_replica(tx, ref, problem)


async def gone_wrong(work: InstallWork, error: StowageError, tx: Tx, deps: Deps) -> None:
    """It could not even be tried in all that time."""
    row = await _locked(work, tx)
    if row is not None:
        await _fail(tx, row, error.problem)


INSTALLING = (IntentKind[Deps]("install", InstallWork, go_on, gone_wrong),)
