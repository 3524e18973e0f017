"""Rules made wrong on purpose: a simulator that can't find these proves nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from data_motion import model, scheduler
from data_motion.model import endings, finishing, sweeping, words
from data_motion.model.placing import Fleet
from data_motion.model.turn import Step, Turn
from image_store.objects import replicas
from stowage_contracts.errors import ImageRefused
from stowage_contracts.messages.data_motion import HopCommitted

Mutation = Callable[[pytest.MonkeyPatch], None]


def any_epoch_reports(patch: pytest.MonkeyPatch) -> None:
    """A zombie's report counts as that of the holder of the lease."""
    right = finishing.finished

    def wrong(job: Any, message: Any, *rest: Any) -> Step:
        hop = job.hop(message.hop_id)
        now = {"epoch": hop.epoch} if hop is not None else {}
        return right(job, message.model_copy(update=now), *rest)

    patch.setattr(finishing, "finished", wrong)


def done_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """What an agent has verified is taken for committed."""
    right = finishing.finished

    def wrong(job: Any, message: Any, now: Any, rules: Any) -> Step:
        step = right(job, message, now, rules)
        if message.receipt is None:
            return step
        done = HopCommitted(
            hop_id=message.hop_id,
            copy_id=message.copy_id,
            epoch=message.epoch,
            digest=message.receipt.digest,
        )
        return finishing.committed(step.job, done, now, rules)

    patch.setattr(finishing, "finished", wrong)


def no_slot_is_ever_full(patch: pytest.MonkeyPatch) -> None:
    """Slots are counted, and never refused."""
    patch.setattr(Fleet, "full", lambda *_: False)


def urgency_is_ignored(patch: pytest.MonkeyPatch) -> None:
    """Whoever comes last is served first."""
    patch.setattr(scheduler, "min", lambda rows, **_: rows[-1], raising=False)


def nothing_is_given_back(patch: pytest.MonkeyPatch) -> None:
    """A hop that ends without commit keeps its grants, and a replica its writes."""

    async def nothing(*_: Any) -> None: ...

    patch.setattr(words, "release_grant", lambda *_: None)
    patch.setattr(replicas, "_revoke_writes", nothing)


def cancels_are_not_told(patch: pytest.MonkeyPatch) -> None:
    """An agent goes on with what nobody wants any more."""
    patch.setattr(words, "cancel", lambda *_: None)


def the_sweeper_sleeps(patch: pytest.MonkeyPatch) -> None:
    """No lease is ever found to be lost."""
    patch.setattr(sweeping, "sweep", lambda job, *_: Step(job))


def nothing_has_a_deadline(patch: pytest.MonkeyPatch) -> None:
    """No row says when somebody must look."""
    patch.setattr(Turn, "_due", lambda *_: None)


def askers_are_not_told(patch: pytest.MonkeyPatch) -> None:
    """The copy ends and nobody hears of it."""
    patch.setattr(endings, "retell", lambda *_: None)


def refusals_are_tried_again(patch: pytest.MonkeyPatch) -> None:
    """What can never end well is tried for ever."""
    patch.setattr(ImageRefused, "retry", "again")
    patch.setattr(model, "cancel", lambda job, *_: Step(job))
    patch.setattr(endings, "fail", lambda turn, problem: None)


MUTATIONS: tuple[Mutation, ...] = (
    any_epoch_reports,
    done_before_the_commit,
    no_slot_is_ever_full,
    urgency_is_ignored,
    nothing_is_given_back,
    cancels_are_not_told,
    the_sweeper_sleeps,
    nothing_has_a_deadline,
    askers_are_not_told,
    refusals_are_tried_again,
)
