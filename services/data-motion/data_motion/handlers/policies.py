"""What operators want of strategies, and what these would say today."""

from collections.abc import Mapping

from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.message import Message
from stowage_contracts.messages.data_motion import (
    CopyExplained,
    ExplainCopy,
    MotionPolicyChanged,
    MotionPolicyRemoved,
    RemoveMotionPolicy,
    SetMotionPolicy,
)
from stowage_contracts.values import CacheUse
from stowage_contracts.views import MotionPolicyView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.service import Desk, Handler, RequestHandler

from data_motion.deps import Deps
from data_motion.planning import decided
from data_motion.records import CopyRecord
from data_motion.strategies.via_cache import ViaCacheStrategy

STAGES = ViaCacheStrategy.name


async def on_set_motion_policy(message: SetMotionPolicy, tx: Tx, deps: Deps) -> None:
    """It holds for copies planned from now on; a strategy may be named before it is installed.

    Raises InvalidInput for a policy that leaves nothing.
    """
    policy = message.policy
    if policy.pin and policy.pin in policy.forbid:
        raise _nothing_left(policy, f"{policy.pin} is pinned and forbidden at once")
    if policy.pin == STAGES and {policy.caches, *policy.caches_of.values()} == {CacheUse.NEVER}:
        raise _nothing_left(policy, f"{policy.pin} is pinned, and caches are never used")
    await tx.run("set_policy", policy.model_dump(mode="json"))
    await tx.say(MotionPolicyChanged(state=policy))


def _nothing_left(policy: MotionPolicyView, why: str) -> InvalidInput:
    return InvalidInput(why, code="policy", resource=f"motion_policy/{policy.id}")


async def on_remove_motion_policy(message: RemoveMotionPolicy, tx: Tx, deps: Deps) -> None:
    """An unknown one is gone already."""
    gone = await tx.value("drop_policy", message.policy_id)
    if gone is not None:
        await tx.say(MotionPolicyRemoved(state=MotionPolicyView.model_validate(gone)))


async def on_explain_copy(message: ExplainCopy, desk: Desk, deps: Deps) -> CopyExplained:
    """Every strategy is asked again; also of a copy that has ended. Raises NotFound."""
    async with desk.transaction() as tx:
        row = await tx.value("copy_explained", message.copy_id)
        if row is None:
            raise NotFound("no such copy is remembered", resource=message.subject)
        copy = CopyRecord.model_validate(row)
        today = await decided(copy.request, tx, deps)
    return CopyExplained(
        copy_id=message.copy_id, then=copy.answers, now=today.answers, problem=today.problem
    )


HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    SetMotionPolicy: on_set_motion_policy,
    RemoveMotionPolicy: on_remove_motion_policy,
}
REQUESTS: Mapping[type[Message], RequestHandler[Deps]] = {ExplainCopy: on_explain_copy}
