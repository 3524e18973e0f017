"""Copies are steered and hosts drained by their owners and operators only."""

from typing import Any

import pytest
from api_gateway.deps import Deps
from stowage_contracts.messages.data_motion import (
    ChangeCopy,
    DrainHost,
    PauseCopy,
    RerouteCopy,
    ResumeCopy,
)
from stowage_runtime.testing.bench import ServiceBench

from tests.unit.api_gateway import words
from tests.unit.api_gateway.api import Api, account

Bench = ServiceBench[Deps]


async def said(bench: Bench) -> Any:
    kinds = (PauseCopy, ResumeCopy, ChangeCopy, RerouteCopy, DrainHost)
    (found,) = [each for each in await bench.sent() if isinstance(each.message, kinds)]
    assert found.to == "data-motion"
    return found.message


@pytest.mark.parametrize(
    ("method", "path", "body", "order"),
    [
        ("POST", "pause", {"reason": "busy link"}, PauseCopy(copy_id="c1", reason="busy link")),
        ("POST", "pause", {}, PauseCopy(copy_id="c1")),
        ("POST", "resume", None, ResumeCopy(copy_id="c1")),
        ("POST", "reroute", {"host_id": "h2"}, RerouteCopy(copy_id="c1", host_id="h2")),
        ("POST", "reroute", {}, RerouteCopy(copy_id="c1")),
        ("PATCH", "", {"priority": 50}, ChangeCopy(copy_id="c1", priority=50)),
        ("PATCH", "", {"bytes_per_second": 0}, ChangeCopy(copy_id="c1", bytes_per_second=0)),
    ],
)
async def test_orders_to_copies_go_to_data_motion(
    api: Api, bench: Bench, method: str, path: str, body: Any, order: Any
) -> None:
    await bench.handle(words.planned("c1"))
    await bench.handle(words.host("h2"))
    answer = await api.call(method, f"/v1/copies/c1/{path}".rstrip("/"), body)
    assert (answer.status, answer.body["id"]) == (202, "c1")
    assert await said(bench) == order


@pytest.mark.parametrize("body", [{}, {"bytes_per_second": 1000}, {"priority": 101}])
async def test_a_change_of_nothing_or_to_nonsense_is_refused(
    api: Api, bench: Bench, body: Any
) -> None:
    await bench.handle(words.planned("c1"))
    answer = await api.call("PATCH", "/v1/copies/c1", body)
    assert answer.status == 400
    assert "Value error" not in answer.body["cause"]


async def test_a_copy_is_not_rerouted_to_a_host_that_is_not_there(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1"))
    answer = await api.post("/v1/copies/c1/reroute", {"host_id": "h2"})
    assert (answer.status, answer.body["resource"]) == (404, "host/h2")


async def test_an_ended_copy_takes_no_order(api: Api, bench: Bench) -> None:
    await bench.handle(words.planned("c1", state="done"))
    answer = await api.post("/v1/copies/c1/pause", {})
    assert (answer.status, answer.body["code"]) == (409, "conflict.final")


async def test_ordinary_accounts_stay_below_the_operators_priorities(
    api: Api, bench: Bench
) -> None:
    mine, account_id = await account(api)
    await bench.handle(words.planned("c1", account_id=account_id))
    assert (await mine.call("PATCH", "/v1/copies/c1", {"priority": 10})).status == 202
    assert (await mine.call("PATCH", "/v1/copies/c1", {"priority": 11})).status == 403


async def test_a_host_is_drained_and_taken_back(api: Api, bench: Bench) -> None:
    await bench.handle(words.host("h1"))
    answer = await api.post("/v1/hosts/h1/drain", {"reason": "new kernel"})
    assert answer.status == 202
    assert await said(bench) == DrainHost(host_id="h1", reason="new kernel")
    await bench.forget()
    assert (await api.delete("/v1/hosts/h1/drain")).status == 202
    assert (await said(bench)).drains is False


async def test_a_host_that_never_joined_is_not_drained(api: Api) -> None:
    await api.post("/v1/hosts", {"id": "h1", "name": "h", "hypervisor": "KVM"})
    answer = await api.post("/v1/hosts/h1/drain", {})
    assert (answer.status, answer.body["code"]) == (409, "conflict.creating")
