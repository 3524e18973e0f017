"""The rules of a hop that a store carries out itself: no agent, no lease, one order to its end."""

from stowage_contracts.errors import Conflict
from stowage_contracts.values import Receipt, Transfer

from data_motion.model import words
from data_motion.model.states import CopyState, HopState
from data_motion.model.turn import Step, Turn
from data_motion.records import HopRecord


def begin(turn: Turn, hop: HopRecord, slots: tuple[str, ...]) -> Step:
    """Have the store begin; whether the destination exists only it can tell, as with a commit.

    Raises Conflict where what it must make is not known.
    """
    request, limits = turn.copy.request, turn.limits
    if request.size is None or request.digest is None:
        raise Conflict("a clone needs size and digest", code="clone", resource=f"hop/{hop.id}")
    hop = turn.move(
        hop,
        HopState.OFFERED,
        HopState.MOVING,
        HopState.VERIFIED,
        HopState.COMMITTING,
        host_id=None,
        endpoint_reason=f"{hop.destination.store_id} makes it of {hop.source.store_id} itself",
        slots=slots,
        epoch=hop.epoch + 1,
        receipt=Receipt(size=request.size, digest=request.digest),
        error=None,
        transfer=Transfer(bytes_total=request.size, phase="cloning"),
        blocked_on=None,
        retry_at=None,
        unreachable_since=None,
        deadline=turn.later(limits.wait_seconds),
        nudge_at=turn.later(limits.commit_again_seconds),
    )
    if turn.copy.state is not CopyState.RUNNING:
        turn.enter(CopyState.RUNNING)
    turn.change(waiting_for="")
    turn.note("offered", f"to {words.owner_address(hop)}: {hop.endpoint_reason}")
    words.clone(turn, hop)
    turn.started()
    return turn.step()
