"""Zones, and the pods, clusters and hosts in them."""

from collections.abc import Mapping, Sequence
from typing import Any

from stowage_runtime.handling.tx import Tx

from api_gateway.cloudstack.answers import Answer, Row, Rows
from api_gateway.cloudstack.asks import Ask, Paging
from api_gateway.cloudstack.command import Command

State = Mapping[str, Any]
_NETWORK = "Advanced"


async def list_zones(ask: Ask) -> Answer:
    """List zones."""
    network, tagged = ask.text("networktype"), ask.pairs("tags")
    none = (network and network.lower() != _NETWORK.lower()) or bool(tagged)
    async with ask.desk.transaction() as tx:
        found = [] if none else _named(await _places("zone", tx), ask)
    return paged([_zone(zone) for zone in found], ask)


def _zone(zone: State) -> Row:
    return {
        "id": zone["id"],
        "name": zone["name"],
        "networktype": _NETWORK,
        "allocationstate": "Enabled",
        "securitygroupsenabled": False,
        "localstorageenabled": True,
        "dhcpprovider": "",
        "type": "Core",
    }


async def list_pods(ask: Ask) -> Answer:
    """List pods."""
    async with ask.desk.transaction() as tx:
        found = _within(_named(await _places("pod", tx), ask), ask, "zone")
        names = await _names(tx)
    return paged([_pod(pod, names) for pod in found if _enabled(ask)], ask)


def _pod(pod: State, names: Mapping[str, str]) -> Row:
    return {
        "id": pod["id"],
        "name": pod["name"],
        **_in(pod, names, "zone"),
        "allocationstate": "Enabled",
    }


async def list_clusters(ask: Ask) -> Answer:
    """List clusters."""
    async with ask.desk.transaction() as tx:
        found = _within(_named(await _places("cluster", tx), ask), ask, "zone", "pod")
        names = await _names(tx)
    wanted = [one for one in found if _of_hypervisor(one, ask) and _enabled(ask)]
    return paged([_cluster(cluster, names) for cluster in wanted], ask)


def _cluster(cluster: State, names: Mapping[str, str]) -> Row:
    return {
        "id": cluster["id"],
        "name": cluster["name"],
        **_in(cluster, names, "pod", "zone"),
        "hypervisortype": cluster["hypervisor"],
        "clustertype": "CloudManaged",
        "allocationstate": "Enabled",
        "managedstate": "Managed",
    }


async def list_hosts(ask: Ask) -> Answer:
    """List hosts, and movers that stand beside them."""
    async with ask.desk.transaction() as tx:
        there = [{**host, **host["location"]} for host in await _places("host", tx)]
        found = _within(_named(there, ask), ask, "zone", "pod", "cluster")
        names = await _names(tx)
    rows = [_host(host, names) for host in found if _of_hypervisor(host, ask)]
    wanted = {name: ask.text(name).lower() for name in ("type", "state", "resourcestate")}
    return paged([row for row in rows if _matches(row, wanted)], ask)


def _host(host: State, names: Mapping[str, str]) -> Row:
    return {
        "id": host["id"],
        "name": host["name"],
        **_in(host, names, "zone", "pod", "cluster"),
        "state": "Up" if host["state"] == "Up" else "Disconnected",
        "resourcestate": "Disabled" if host.get("drain") else "Enabled",
        "type": "SecondaryStorageVM" if host["hypervisor"] == "None" else "Routing",
        "hypervisor": host["hypervisor"],
    }


async def _places(noun: str, tx: Tx) -> list[State]:
    states = [row["state"] for row in await tx.rows("places", noun)]
    return [state for state in states if state.get("state") != "Removed"]


async def _names(tx: Tx) -> dict[str, str]:
    """Of zones, pods and clusters by noun and id."""
    nouns = ("zone", "pod", "cluster")
    return {f"{noun}/{s['id']}": s["name"] for noun in nouns for s in await _places(noun, tx)}


def _in(place: State, names: Mapping[str, str], *nouns: str) -> dict[str, str]:
    """Where a place is."""
    told: dict[str, str] = {}
    for noun in nouns:
        key = place.get(f"{noun}_id")
        if key:
            told |= {f"{noun}id": key, f"{noun}name": names.get(f"{noun}/{key}", key)}
    return told


def _named(places: Sequence[State], ask: Ask) -> list[State]:
    """Those of the ids, the name and the keyword that are asked for."""
    ids = (*ask.items("ids"), *filter(None, [ask.text("id")]))
    keyword, name = ask.text("keyword").lower(), ask.text("name")
    return [
        place
        for place in places
        if name in ("", place["name"])
        and keyword in place["name"].lower()
        and (not ids or place["id"] in ids)
    ]


def _within(places: Sequence[State], ask: Ask, *nouns: str) -> list[State]:
    wanted = {f"{noun}_id": ask.text(f"{noun}id") for noun in nouns}
    return [p for p in places if all(v in ("", p.get(name)) for name, v in wanted.items())]


def _of_hypervisor(place: State, ask: Ask) -> bool:
    return ask.text("hypervisor").lower() in ("", place["hypervisor"].lower())


def _enabled(ask: Ask) -> bool:
    """All of them are enabled and managed."""
    return ask.text("allocationstate").lower() in ("", "enabled") and ask.text(
        "managedstate"
    ).lower() in ("", "managed")


def _matches(row: Row, wanted: Mapping[str, str]) -> bool:
    return all(text in ("", str(row[name]).lower()) for name, text in wanted.items())


def paged(rows: Sequence[Row], ask: Ask) -> Rows:
    """The page asked for of a short list."""
    paging = Paging.of(ask)
    end = None if paging.limit is None else paging.offset + paging.limit
    return Rows(rows[paging.offset : end], len(rows))


COMMANDS = (
    Command("listZones", list_zones, missing="capacities, icons, storage access groups; tags"),
    Command("listPods", list_pods, missing="addresses and capacities: Stowage knows none"),
    Command("listClusters", list_clusters, missing="capacities, architectures"),
    Command(
        "listHosts", list_hosts, missing="addresses, processors, memory, what is told per instance"
    ),
)
