"""One key's share of the gateway, at both of its doors."""

import pytest
from api_gateway.settings import Settings

from tests.unit.api_gateway.api import Api, account
from tests.unit.api_gateway.cloudstack.client import CloudStack

BURST = 5


@pytest.fixture
def settings(settings: Settings) -> Settings:
    limits = {
        "requests_per_second": 0.001,
        "request_burst": BURST,
        "refused_per_second": 0.1,
        "streams_per_key": 1,
        "request_bytes": 1 << 16,
    }
    return settings.model_copy(update=limits)


async def test_a_key_over_its_share_is_told_when_to_come_again(api: Api) -> None:
    other, _ = await account(api)
    for _ in range(BURST - 1):
        assert (await api.get("/v1/zones")).status == 200
    told = await api.get("/v1/zones")
    assert (told.status, told.body["code"]) == (429, "too_many.requests")
    assert int(told.headers["Retry-After"]) > 1
    assert (await other.get("/v1/zones")).status == 200
    assert (await api.as_account("").get("/healthz")).status == 404  # the bench serves no health


async def test_clients_of_the_query_api_have_the_same_share(api: Api, settings: Settings) -> None:
    secret = settings.admin_secret_key.get_secret_value()
    cs = CloudStack(api.session, api.key, secret)
    for _ in range(BURST):
        assert (await cs.call("listZones")).status == 200
    assert (await cs.call("listZones")).error[0] == 429


async def test_one_address_may_try_few_wrong_keys(api: Api, settings: Settings) -> None:
    stranger = api.as_account("wrong")
    assert (await stranger.get("/v1/zones")).status == 401
    told = await stranger.get("/v1/zones")
    assert (told.status, told.body["code"]) == (429, "too_many.requests")
    cs = CloudStack(api.session, "wrong", "wrong")
    assert (await cs.call("listZones")).error[0] == 429


async def test_one_address_may_guess_few_passwords(api: Api, settings: Settings) -> None:
    cs = CloudStack(api.session, "", "")
    told = []
    for name in ("ada", "bob"):
        sent = {"command": "login", "username": name, "password": "x", "response": "json"}
        told.append((await cs.send(sent, post=True)).error[0])
    assert told == [531, 429]


async def test_a_key_may_hold_so_many_streams(api: Api) -> None:
    async with api.events():
        told = await api.get("/v1/events")
    assert (told.status, told.body["code"]) == (429, "too_many.streams")


async def test_a_body_too_long_is_a_problem(api: Api) -> None:
    told = await api.post("/v1/zones", {"name": "z" * (1 << 16)})
    assert (told.status, told.body["code"]) == (413, "invalid.too_large")
