"""What a bus tells those who ask or send in vain, the same on every bus."""

from stowage_contracts.errors import InvalidInput, Problem, StowageError, Unavailable

from stowage_runtime.bus import Rejected
from stowage_runtime.bus.dead_letters import Reason, stowage_error


def problem_of(error: Exception) -> Problem:
    """What an asker is told of a failed request; of an unknown exception its type and place."""
    if known := stowage_error(error):
        return known.problem
    reason = Reason.of(error)
    if isinstance(error, Rejected):
        return InvalidInput(reason.cause).problem
    return StowageError(reason.cause).problem


def no_reply(to: str, seconds: float) -> Unavailable:
    """The deadline of a request passed."""
    return Unavailable(
        f"{to} did not answer within {seconds:g} s",
        resource=to,
        code="no_reply",
        hint="is it running?",
    )


def unroutable(key: str) -> Unavailable:
    """No queue is bound for ``key``."""
    return Unavailable(
        f"no queue takes {key}",
        resource=key,
        code="unroutable",
        hint="its reader has not declared its queue: run its migrate command",
    )
