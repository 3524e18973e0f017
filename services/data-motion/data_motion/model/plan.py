"""Asks every strategy, keeps every answer, takes the best; says what is missing when none can."""

from collections.abc import Mapping
from dataclasses import dataclass

from stowage_contracts.errors import NoStrategy, Problem
from stowage_contracts.messages.image_store import CopyRequested
from stowage_contracts.plugins.data_motion_strategy import (
    Answer,
    DataMotionStrategy,
    MotionAsk,
    MotionPlan,
    Priority,
)
from stowage_contracts.values import StoreRole
from stowage_contracts.views import StrategyAnswer

from data_motion.model.policy import FREE, Choice

NOTHING = MotionPlan(hops=())


@dataclass(frozen=True)
class Decision:
    """What was decided of a copy, and everything that was considered."""

    answers: tuple[StrategyAnswer, ...]
    strategy: str = ""
    plan: MotionPlan = NOTHING
    problem: Problem | None = None


def decide(
    ask: MotionAsk, strategies: Mapping[str, DataMotionStrategy], choice: Choice = FREE
) -> Decision:
    """The highest priority that the policy allows wins, ties by name; a strategy that raises can't
    handle it."""
    given = {name: _answer(strategies[name], ask) for name in sorted(strategies)}
    able = [name for name in given if given[name].priority > Priority.CANT_HANDLE]
    ranked = sorted(able, key=lambda name: -given[name].priority)
    for name in ranked:
        if choice.bars(name):
            continue
        plan = _plan(strategies[name], ask)
        if isinstance(plan, MotionPlan):
            return Decision(_stored(given, name, choice), name, plan)
        given[name] = plan
    return Decision(_stored(given, "", choice), problem=_missing(ask, given, choice))


def runnable(plan: MotionPlan, request: CopyRequested) -> bool:
    """Whether Stowage can run a plan: nothing, one direct hop, or two through one cache; of a
    prefetch the first of these two."""
    through = [(leg.source_is_cache, leg.destination_is_cache) for leg in plan.hops]
    if request.destination.role is StoreRole.IMAGE_CACHE:
        return through == [(False, True)]
    return through in ([], [(False, False)], [(False, True), (True, False)])


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
    if runnable(plan, ask.request):
        return plan
    return Answer(
        priority=Priority.CANT_HANDLE,
        reason=f"it planned {len(plan.hops)} hops that do not meet in one cache",
    )


def _broken(error: Exception) -> Answer:
    return Answer(
        priority=Priority.CANT_HANDLE, reason=f"it is broken: {type(error).__name__}: {error}"
    )


def _stored(given: Mapping[str, Answer], chosen: str, choice: Choice) -> tuple[StrategyAnswer, ...]:
    return tuple(
        StrategyAnswer(
            strategy=name,
            priority=answer.priority,
            reason=_told(name, answer, choice),
            missing=answer.missing,
            chosen=name == chosen,
        )
        for name, answer in given.items()
    )


def _told(name: str, answer: Answer, choice: Choice) -> str:
    barred = choice.bars(name)
    return f"{answer.reason}; {barred}" if barred else answer.reason


def _missing(ask: MotionAsk, given: Mapping[str, Answer], choice: Choice) -> Problem:
    told = [f"{name}: {_told(name, answer, choice)}" for name, answer in given.items()]
    absent = choice.lacks(frozenset(given))
    return NoStrategy(
        "; ".join([*told, absent] if absent else told) or "no data motion strategy is installed",
        resource=f"copy/{ask.request.copy_id}",
        hint="; ".join(_hints(given, choice)) or "install a strategy that can handle it",
    ).problem


def _hints(given: Mapping[str, Answer], choice: Choice) -> list[str]:
    """What would help: those that may be used say what they miss, the policy what it bars."""
    hints = [a.missing for name, a in given.items() if a.missing and not choice.bars(name)]
    able = [n for n, a in given.items() if a.priority > Priority.CANT_HANDLE and choice.bars(n)]
    if able:
        hints.append(f"change {choice.name}, which bars {' and '.join(able)}")
    return list(dict.fromkeys(hints))
