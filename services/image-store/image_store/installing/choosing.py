"""Asks every strategy how a volume is to be made, keeps every answer, takes the best; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from stowage_contracts.errors import NoStrategy
from stowage_contracts.plugins import TemplateInstallStrategy
from stowage_contracts.plugins.data_motion_strategy import Answer, Priority
from stowage_contracts.plugins.template_install_strategy import InstallAsk, InstallPlan
from stowage_contracts.views import StrategyAnswer

Strategies = Mapping[str, TemplateInstallStrategy]


@dataclass(frozen=True)
class Choice:
    """How a volume is made, and everything that was considered."""

    strategy: str
    plan: InstallPlan
    answers: tuple[StrategyAnswer, ...]


def choose(ask: InstallAsk, strategies: Strategies) -> Choice:
    """The highest priority wins, ties by name; where the pool pins one, only that may.

    Raises NoStrategy naming what is missing.
    """
    given = {name: _answer(strategies[name], ask) for name in sorted(strategies)}
    pin = ask.pool.install
    able = [name for name in given if given[name].priority > Priority.CANT_HANDLE]
    for name in sorted(able, key=lambda name: -given[name].priority):
        if pin in ("", name):
            plan = _plan(strategies[name], ask)
            if isinstance(plan, InstallPlan):
                return Choice(name, plan, _stored(given, name, pin))
            given[name] = plan
    raise _nobody(ask, given)


def _answer(strategy: TemplateInstallStrategy, ask: InstallAsk) -> Answer:
    try:
        return strategy.can_handle(ask)
    except Exception as error:  # a stranger's code may raise anything, and is told
        return _broken(error)


def _plan(strategy: TemplateInstallStrategy, ask: InstallAsk) -> InstallPlan | Answer:
    try:
        return strategy.plan(ask)
    except Exception as error:  # as above
        return _broken(error)


def _broken(error: Exception) -> Answer:
    return Answer(
        priority=Priority.CANT_HANDLE, reason=f"it is broken: {type(error).__name__}: {error}"
    )


def _stored(given: Mapping[str, Answer], chosen: str, pin: str) -> tuple[StrategyAnswer, ...]:
    unpinned = f"the pool asks for {pin}; otherwise: " if pin else ""
    return tuple(
        StrategyAnswer(
            strategy=name,
            priority=answer.priority,
            reason=answer.reason if name == chosen else unpinned + answer.reason,
            missing=answer.missing,
            chosen=name == chosen,
        )
        for name, answer in given.items()
    )


def _nobody(ask: InstallAsk, given: Mapping[str, Answer]) -> NoStrategy:
    pin = ask.pool.install
    asked = {name: answer for name, answer in given.items() if pin in ("", name)}
    told = "; ".join(f"{name}: {answer.reason}" for name, answer in asked.items())
    missing = "; ".join(answer.missing for answer in asked.values() if answer.missing)
    return NoStrategy(
        told or f"the pool asks for {pin or 'any strategy'}, which is not installed",
        resource=f"store/{ask.pool.id}",
        code="install",
        hint=missing or "change the pool's `install` setting, or install that strategy",
    )
