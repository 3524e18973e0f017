"""The wire: signatures, envelopes, errors, paging, both languages."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
from api_gateway.cloudstack.commands import COMMANDS
from api_gateway.cloudstack.spec import ANSWERS, WIRES

from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack, signed


@pytest.fixture
async def zones(api: Api) -> list[str]:
    names = [f"zone-{n}" for n in range(3)]
    for name in names:
        assert (await api.post("/v1/zones", {"id": name, "name": name.upper()})).status == 202
    return names


@pytest.mark.parametrize("post", [False, True])
async def test_a_signed_request_is_answered(cs: CloudStack, zones: list[str], post: bool) -> None:
    reply = await (cs.post("listZones") if post else cs.call("listZones"))
    assert (reply.status, reply.envelope) == (200, "listzonesresponse")
    assert reply.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert reply.body["count"] == 3
    assert [zone["id"] for zone in reply.body["zone"]] == zones


async def test_commands_and_parameters_are_named_in_any_case(
    cs: CloudStack, zones: list[str]
) -> None:
    reply = await cs.call("LISTzones", Id="zone-1", nobody_knows="this")
    assert [zone["name"] for zone in reply.body["zone"]] == ["ZONE-1"]


@pytest.mark.parametrize("order", [str, str.lower])
async def test_both_orders_of_signing_are_taken(cs: CloudStack, order: type[str]) -> None:
    params = {"command": "listZones", "apikey": cs.api_key, "response": "json"}
    params |= {"details[0].Zebra": "a b~*/+", "details[0].apple": "é", "Name": "x"}
    assert (await cs.send(signed(params, cs.secret_key, order))).status == 200


async def test_the_same_signed_request_may_come_again(cs: CloudStack) -> None:
    params = {"command": "listZones", "apikey": cs.api_key, "response": "json"}
    for _ in range(2):
        assert (await cs.send(signed(params, cs.secret_key))).status == 200


@pytest.mark.parametrize(
    "broken", [{"signature": "AAAA"}, {"apikey": "nobody"}, {"signature": ""}, {"extra": "1"}]
)
async def test_whoever_cannot_sign_is_refused(cs: CloudStack, broken: dict[str, str]) -> None:
    params = {"command": "listZones", "apikey": cs.api_key, "response": "json"}
    reply = await cs.send({**signed(params, cs.secret_key), **broken})
    assert reply.error[0] == 401
    assert reply.envelope == "errorresponse"


@pytest.mark.parametrize(("seconds", "status"), [(60, 200), (-60, 401)])
async def test_version_three_expires(cs: CloudStack, seconds: int, status: int) -> None:
    at = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S%z")
    reply = await cs.call("listZones", signatureversion=3, expires=at)
    assert reply.status == status


async def test_version_three_without_expiry_is_refused(cs: CloudStack) -> None:
    assert (await cs.call("listZones", signatureversion=3)).error[0] == 401


async def test_an_unknown_command_is_432(cs: CloudStack) -> None:
    reply = await cs.call("deployTheMoon")
    assert (reply.envelope, reply.error[0]) == ("errorresponse", 432)
    assert "deployTheMoon" in reply.headers["X-Description"]
    assert reply.body["cserrorcode"] == 9999
    assert reply.body["uuidList"] == []


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"page": 1}, 431),
        ({"pagesize": 10}, 431),
        ({"page": 1, "pagesize": 501}, 431),
        ({"page": 1, "pagesize": -1}, 431),
        ({"page": "x", "pagesize": 2}, 431),
        ({"name": "bell\a"}, 431),
        ({"name": "n" * 256}, 431),
        ({"id": "no/id"}, 431),
    ],
)
async def test_bad_parameters_are_refused(
    cs: CloudStack, params: dict[str, object], code: int
) -> None:
    reply = await cs.call("listZones", **params)
    assert (reply.envelope, reply.error[0]) == ("listzonesresponse", code)


async def test_pages_count_all_and_end_empty(cs: CloudStack, zones: list[str]) -> None:
    pages = [(await cs.call("listZones", page=n, pagesize=2)).body for n in (0, 1, 2, 3)]
    assert [[zone["id"] for zone in page.get("zone", [])] for page in pages] == [
        zones[:2],
        zones[:2],
        zones[2:],
        [],
    ]
    assert pages[3] == {"count": 3}
    assert (await cs.call("listZones", pagesize=-1)).body["count"] == 3
    assert (await cs.call("listZones", id="nothing")).body == {}


async def test_xml_is_the_default(cs: CloudStack, zones: list[str]) -> None:
    params = signed({"command": "listZones", "apikey": cs.api_key}, cs.secret_key)
    status, text, headers = await cs.raw(params)
    assert (status, headers["Content-Type"]) == (200, "text/xml; charset=UTF-8")
    root = ElementTree.fromstring(text)
    assert root.tag == "listzonesresponse"
    assert root.get("cloud-stack-version")
    assert [zone.findtext("id") for zone in root.findall("zone")] == zones
    assert root.findtext("count") == "3"


async def test_list_apis_tells_every_command(cs: CloudStack) -> None:
    apis = {api["name"]: api for api in await cs.rows("listApis", "api")}
    assert len(apis) == len(COMMANDS)
    zones = apis["listZones"]
    assert zones["isasync"] is False
    assert {"name": "id", "type": "uuid"}.items() <= zones["params"][0].items()
    assert {"name": "networktype", "type": "string"} in zones["response"]
    assert [a["name"] for a in await cs.rows("listApis", "api", name="LISTZONES")] == ["listZones"]
    assert (await cs.call("listApis", name="none")).error[0] == 431


def test_every_command_has_its_wire_and_every_answer_its_fields() -> None:
    assert {command.name for command in COMMANDS.values()} <= set(WIRES)
    assert {wire.answer for wire in WIRES.values()} <= set(ANSWERS)


async def test_a_client_that_leaves_brackets_as_they_are_is_understood(cs: CloudStack) -> None:
    """libcloud does, in values too."""
    params = {"command": "listZones", "apikey": cs.api_key, "response": "json", "name": "a[b]"}
    text = "&".join(f"{name}={params[name]}" for name in sorted(params)).lower()
    mac = hmac.new(cs.secret_key.encode(), text.encode(), hashlib.sha1).digest()
    reply = await cs.send({**params, "signature": base64.b64encode(mac).decode()})
    assert reply.status == 200


async def test_hypervisors_are_those_of_clusters(
    cs: CloudStack, api: Api, zones: list[str]
) -> None:
    assert (await cs.call("listHypervisors")).body == {}
    await api.post("/v1/pods", {"id": "p", "name": "p", "zone_id": zones[0]})
    cluster = {"id": "c", "name": "c", "pod_id": "p", "hypervisor": "KVM"}
    assert (await api.post("/v1/clusters", cluster)).status == 202
    assert await cs.rows("listHypervisors", "hypervisor") == [{"name": "KVM"}]
    assert await cs.rows("listHypervisors", "hypervisor", zoneid=zones[1]) == []
