"""Why a fleet is as large as it is."""

from stowage_contracts.caching import Decision, StrategySays
from stowage_contracts.messages.cache_autoscaler import ExplainFleet, FleetExplained
from stowage_contracts.plugins.autoscale_strategy import AutoscaleAsk
from stowage_runtime.service import Desk

from cache_autoscaler.deps import Deps
from cache_autoscaler.fleets import hosts_of, limits_of, look, member
from cache_autoscaler.scaling import ask_of, pick
from cache_autoscaler.store import need


async def on_explain_fleet(message: ExplainFleet, desk: Desk, deps: Deps) -> FleetExplained:
    """What each strategy would want now, its own first; raises NotFound."""
    async with desk.transaction() as tx:
        row = await need(tx, "fleet", message.fleet_id)
        limits = limits_of(row)
        hosts = {h.id: h for h in await hosts_of(tx, limits.scope, deps.settings)}
        rows = await tx.rows("fleet_vms", row["id"], deps.settings.cache_load_seconds)
        seen = await look(tx, deps.settings)
        members = [member(vm, hosts.get(vm["host_id"]), seen) for vm in rows]
        asked = await ask_of(tx, row, members, deps)
        told = await tx.rows("decisions_of_fleet", f"cache_fleet/{row['id']}", row["id"])
    own = limits.strategy or deps.settings.autoscale_strategy
    others = sorted(name for name in deps.strategies if name.lower() != own.lower())
    return FleetExplained(
        fleet_id=row["id"],
        answers=tuple(_says(name, asked, deps) for name in (own, *others)),
        doing=row["doing"],
        decisions=tuple(Decision.model_validate(dict(each)) for each in told),
    )


def _says(strategy: str, asked: AutoscaleAsk, deps: Deps) -> StrategySays:
    try:
        return StrategySays(strategy=strategy, desired=pick(deps, strategy).desired(asked))
    except Exception as error:  # a stranger's code may raise anything
        return StrategySays(strategy=strategy, error=f"{type(error).__name__}: {error}")
