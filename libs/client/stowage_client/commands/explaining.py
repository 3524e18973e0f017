"""How an explanation of a copy is printed."""

from collections.abc import Iterable, Sequence

from stowage_contracts.values import Value
from stowage_contracts.views import HopView, StrategyAnswer

from stowage_client.answers import Explanation
from stowage_client.commands.shell import Row, Shell
from stowage_client.watching import FINAL


class _Pair(Value):
    """One strategy's two answers."""

    strategy: str
    then: StrategyAnswer | None
    now: StrategyAnswer | None


def explain(shell: Shell, told: Explanation) -> None:
    """Every strategy's answer, the hops, and what is waited for; today's answers beside them."""
    unchosen = "none" if told.state in FINAL else "not chosen yet"
    shell.say(f"copy {told.copy_id}: {told.state}, strategy {told.strategy or unchosen}")
    if told.now is None:
        for line in _answers(told.answers):
            shell.say(line)
    else:
        _side_by_side(shell, told.answers, told.now)
        shell.say(f"today: {_today(told)}")
    for line in (line for hop in told.hops for line in _hop(hop)):
        shell.say(line)
    if told.waiting_for:
        shell.say(f"  waiting for {told.waiting_for}")


def _answers(answers: Iterable[StrategyAnswer]) -> Iterable[str]:
    for answer in sorted(answers, key=lambda answer: -answer.priority):
        mark = "*" if answer.chosen else " "
        yield f"{mark} {answer.strategy} ({answer.priority}): {_told(answer)}"


def _told(answer: StrategyAnswer | None) -> str:
    if answer is None:
        return "was not asked"
    missing = f"; missing: {answer.missing}" if answer.missing else ""
    return f"{answer.reason}{missing}"


def _side_by_side(
    shell: Shell, then: Sequence[StrategyAnswer], now: Sequence[StrategyAnswer]
) -> None:
    before, after = ({answer.strategy: answer for answer in each} for each in (then, now))
    pairs = [
        _Pair(strategy=name, then=before.get(name), now=after.get(name))
        for name in sorted(before | after)
    ]
    shell.table(pairs, ("strategy", "then", "now"), _row)


def _row(pair: _Pair) -> Row:
    return (pair.strategy, _marked(pair.then), _marked(pair.now))


def _marked(answer: StrategyAnswer | None) -> str:
    return f"* {_told(answer)}" if answer is not None and answer.chosen else _told(answer)


def _today(told: Explanation) -> str:
    if told.now_problem is not None:
        return f"refused; {told.now_problem.hint}"
    return next((a.strategy for a in told.now or () if a.chosen), "nothing would move")


def _hop(hop: HopView) -> Iterable[str]:
    by = f" by {hop.host_id} ({hop.endpoint_reason})" if hop.host_id else ""
    if not hop.host_id and hop.endpoint_reason:
        by = f" ({hop.endpoint_reason})"
    yield f"  hop {hop.order + 1} {hop.state}: {hop.source} -> {hop.destination}{by}"
    if hop.cache_reason:
        yield f"    cache: {hop.cache_reason}"
