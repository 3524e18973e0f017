"""Asks every strategy, keeps every answer, takes the best; says what is missing when none can."""

from collections.abc import Mapping
from dataclasses import dataclass

from stowage_contracts.errors import NoStrategy, Problem
from stowage_contracts.plugins.data_motion_strategy import (
    Answer,
    DataMotionStrategy,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.views import StrategyAnswer

NOTHING = MotionPlan(hops=())


@dataclass(frozen=True)
class Decision:
    """What was decided of a copy, and everything that was considered."""

    answers: tuple[StrategyAnswer, ...]
    strategy: str = ""
    plan: MotionPlan = NOTHING
    problem: Problem | None = None


def decide(ask: MotionAsk, strategies: Mapping[str, DataMotionStrategy]) -> Decision:
    """The highest priority wins, ties by name; a strategy that raises can't handle it."""
    given = {name: _answer(strategies[name], ask) for name in sorted(strategies)}
    able = [name for name in given if given[name].priority > Priority.CANT_HANDLE]
    ranked = sorted(able, key=lambda name: -given[name].priority)
    for name in ranked:
        plan = _plan(strategies[name], ask)
        if isinstance(plan, MotionPlan):
            return Decision(_stored(given, name), name, plan)
        given[name] = plan
    return Decision(_stored(given, ""), problem=_missing(ask, given))


def runnable(plan: MotionPlan) -> bool:
    """Whether Stowage can run a plan: nothing, one direct hop, or two through one cache."""
    legs = plan.hops
    if len(legs) <= 1:
        return not any(leg.source_is_cache or leg.destination_is_cache for leg in legs)
    through = [(leg.source_is_cache, leg.destination_is_cache) for leg in legs]
    return through == [(False, True), (True, False)]


def _answer(strategy: DataMotionStrategy, ask: MotionAsk) -> Answer:
    try:
        return strategy.can_handle(ask)
    except Exception as error:  # a stranger's code may raise anything, and is told in explain
        return _broken(error)


def _plan(strategy: DataMotionStrategy, ask: MotionAsk) -> MotionPlan | Answer:
    try:
        plan = strategy.plan(ask)
    except Exception as error:  # as above
        return _broken(error)
    if runnable(plan):
        return plan
    return Answer(
        priority=Priority.CANT_HANDLE,
        reason=f"it planned {len(plan.hops)} hops that do not meet in one cache",
    )


def _broken(error: Exception) -> Answer:
    return Answer(
        priority=Priority.CANT_HANDLE, reason=f"it is broken: {type(error).__name__}: {error}"
    )


def _stored(given: Mapping[str, Answer], chosen: str) -> tuple[StrategyAnswer, ...]:
    return tuple(
        StrategyAnswer(
            strategy=name,
            priority=answer.priority,
            reason=answer.reason,
            missing=answer.missing,
            chosen=name == chosen,
        )
        for name, answer in given.items()
    )


def _missing(ask: MotionAsk, given: Mapping[str, Answer]) -> Problem:
    told = [f"{name}: {answer.reason}" for name, answer in given.items()]
    hints = dict.fromkeys(answer.missing for answer in given.values() if answer.missing)
    return NoStrategy(
        "; ".join(told) or "no data motion strategy is installed",
        resource=f"copy/{ask.request.copy_id}",
        hint="; ".join(hints) or "install a strategy that can handle it",
    ).problem
