"""Zones, what is in them, and what commands name by id."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.values import Location, Scope
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack


@pytest.fixture
async def cloud(api: Api, bench: ServiceBench[Deps]) -> None:
    await api.post("/v1/zones", {"id": "z1", "name": "one"})
    await api.post("/v1/zones", {"id": "z2", "name": "two"})
    await api.post("/v1/pods", {"id": "p1", "name": "pod", "zone_id": "z1"})
    cluster = {"id": "c1", "name": "cluster", "pod_id": "p1", "hypervisor": "KVM"}
    await api.post("/v1/clusters", cluster)
    where = Location(zone_id="z1", pod_id="p1", cluster_id="c1", host_id="h1")
    await bench.handle(words.host("h1", location=where), sequence=1)
    await bench.handle(words.host("m1", hypervisor="None", state="Disconnected"), sequence=1)


IN_CLUSTER = {
    "zoneid": "z1",
    "zonename": "one",
    "podid": "p1",
    "podname": "pod",
    "clusterid": "c1",
    "clustername": "cluster",
}


@pytest.mark.usefixtures("cloud")
async def test_places_are_told_with_where_they_are(cs: CloudStack) -> None:
    (pod,) = await cs.rows("listPods", "pod")
    assert pod == {
        "id": "p1",
        "name": "pod",
        "zoneid": "z1",
        "zonename": "one",
        "allocationstate": "Enabled",
    }
    (cluster,) = await cs.rows("listClusters", "cluster", zoneid="z1")
    assert cluster == {
        "id": "c1",
        "name": "cluster",
        "podid": "p1",
        "podname": "pod",
        "zoneid": "z1",
        "zonename": "one",
        "hypervisortype": "KVM",
        "clustertype": "CloudManaged",
        "allocationstate": "Enabled",
        "managedstate": "Managed",
    }
    (host,) = await cs.rows("listHosts", "host", clusterid="c1")
    assert host == {
        "id": "h1",
        "name": "h1",
        **IN_CLUSTER,
        "state": "Up",
        "resourcestate": "Enabled",
        "type": "Routing",
        "hypervisor": "KVM",
    }


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    ("command", "key", "params", "ids"),
    [
        ("listZones", "zone", {"networktype": "advanced"}, ["z1", "z2"]),
        ("listZones", "zone", {"networktype": "Basic"}, []),
        ("listZones", "zone", {"tags__0__key": "k", "tags__0__value": "v"}, []),
        ("listZones", "zone", {"ids": "z2,zz"}, ["z2"]),
        ("listPods", "pod", {"zoneid": "z2"}, []),
        ("listPods", "pod", {"allocationstate": "Disabled"}, []),
        ("listClusters", "cluster", {"hypervisor": "xenserver"}, []),
        ("listHosts", "host", {"type": "routing"}, ["h1"]),
        ("listHosts", "host", {"state": "Disconnected"}, ["m1"]),
        ("listHosts", "host", {"keyword": "M"}, ["m1"]),
    ],
)
async def test_places_are_asked_for_by_what_they_are(
    cs: CloudStack, command: str, key: str, params: dict[str, Any], ids: list[str]
) -> None:
    assert sorted(row["id"] for row in await cs.rows(command, key, **params)) == ids


async def test_only_root_admins_see_hosts(user: CloudStack) -> None:
    for command in ("listPods", "listClusters", "listHosts"):
        assert (await user.call(command)).error[0] == 432


async def test_guests_and_their_families_are_named_by_ids_that_stay(user: CloudStack) -> None:
    kinds = await user.rows("listOsTypes", "ostype")
    assert len(kinds) > 30
    families = {row["id"]: row["name"] for row in await user.rows("listOsCategories", "oscategory")}
    assert all(families[row["oscategoryid"]] == row["oscategoryname"] for row in kinds)
    debian = await user.rows("listOsTypes", "ostype", keyword="debian gnu/linux 12")
    (one,) = await user.rows("listOsTypes", "ostype", id=debian[0]["id"])
    assert one == {
        "id": debian[0]["id"],
        "name": "Debian GNU/Linux 12 (64-bit)",
        "description": "Debian GNU/Linux 12 (64-bit)",
        "osdisplayname": "Debian GNU/Linux 12 (64-bit)",
        "oscategoryid": one["oscategoryid"],
        "oscategoryname": "Debian",
        "isuserdefined": False,
        "fordisplay": True,
    }


async def test_there_is_one_disk_offering_and_no_service_offering(user: CloudStack) -> None:
    (disk,) = await user.rows("listDiskOfferings", "diskoffering", name="Custom")
    assert (disk["iscustomized"], disk["disksize"], disk["state"]) == (True, 0, "Active")
    assert await user.rows("listDiskOfferings", "diskoffering", name="other") == []
    assert (await user.call("listServiceOfferings")).body == {}


async def test_capabilities_tell_of_region_stores(
    user: CloudStack, bench: ServiceBench[Deps]
) -> None:
    async def told() -> dict[str, Any]:
        found: dict[str, Any] = (await user.call("listCapabilities")).body["capability"]
        return found

    await bench.handle(words.store("zonal", scope=Scope.zone("z1")), sequence=1)
    before = await told()
    assert before["regionsecondaryenabled"] is False
    await bench.handle(words.store("wide"), sequence=1)
    assert {**before, "regionsecondaryenabled": True} == await told()
    assert before["cloudstackversion"].startswith("4.")
    kinds = {name: type(value) for name, value in before.items()}
    assert (before["apilimitinterval"], before["apilimitmax"]) == (1, 2000)
    assert kinds["supportELB"] is str
    assert kinds["defaultuipagesize"] is int
    assert kinds["customdiskofferingmaxsize"] is int
