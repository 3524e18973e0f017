"""Hosts are announced with a one-time token; their agent exchanges it for an identity."""

from datetime import timedelta

from api_gateway.deps import Deps
from stowage_contracts.messages.image_store import AddHost
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway.api import Api

Bench = ServiceBench[Deps]


async def announced(api: Api) -> str:
    made = await api.post("/v1/hosts", {"id": "h1", "name": "kvm", "hypervisor": "KVM"})
    assert made.status == 202
    return str(made.body["join_token"])


async def test_a_host_in_a_cluster_takes_its_place(api: Api, bench: Bench) -> None:
    await api.post("/v1/zones", {"id": "z1", "name": "z"})
    await api.post("/v1/pods", {"id": "p1", "name": "p", "zone_id": "z1"})
    cluster = {"id": "c1", "name": "c", "pod_id": "p1", "hypervisor": "KVM"}
    await api.post("/v1/clusters", cluster)
    host = {"id": "h1", "name": "kvm", "hypervisor": "KVM", "cluster_id": "c1"}
    made = await api.post("/v1/hosts", host)
    place = {"zone_id": "z1", "pod_id": "p1", "cluster_id": "c1", "host_id": None}
    assert made.body["location"] == place
    (said,) = await bench.said(AddHost)
    assert isinstance(said, AddHost)
    assert said.cluster_id == "c1"
    other = await api.post("/v1/hosts", {**host, "id": "h2", "hypervisor": "XenServer"})
    assert (other.status, other.body["code"]) == (400, "invalid.hypervisor")


async def test_a_token_is_shown_once_and_kept_as_a_hash(api: Api, bench: Bench) -> None:
    token = await announced(api)
    assert token not in str((await api.get("/v1/hosts/h1")).body)
    assert all(token not in said.model_dump_json() for said in await bench.said())


async def test_an_id_that_would_be_another_name_on_the_bus_is_refused(api: Api) -> None:
    for name in ("image-store", "a.b"):
        answer = await api.post("/v1/hosts", {"id": name, "name": "h", "hypervisor": "KVM"})
        assert (answer.status, answer.body["code"]) == (400, "invalid.host_id")


async def test_a_wrong_token_is_refused(api: Api) -> None:
    await announced(api)
    for token in ("wrong", "", "\ud7ff"):
        answer = await api.post("/v1/hosts/h1/enrol", {"token": token})
        assert (answer.status, answer.body["code"]) == (401, "not_authorized.join_token")


async def test_an_expired_token_is_refused(api: Api, bench: Bench) -> None:
    token = await announced(api)
    await bench.pass_time(timedelta(hours=2))
    assert (await api.post("/v1/hosts/h1/enrol", {"token": token})).status == 401


async def test_a_new_token_replaces_the_old(api: Api) -> None:
    old = await announced(api)
    new = (await api.post("/v1/hosts/h1/token")).body["join_token"]
    assert (await api.post("/v1/hosts/h1/enrol", {"token": old})).status == 401
    # without a broker's management API nobody is admitted, and the token stays good
    for _ in range(2):
        answer = await api.post("/v1/hosts/h1/enrol", {"token": new})
        assert (answer.status, answer.body["code"]) == (503, "unavailable.enrolment")
