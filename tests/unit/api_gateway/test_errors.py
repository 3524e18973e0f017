"""Every problem says what it is, whether to try again, and where its code is explained."""

import pytest
from stowage_contracts.errors import StowageError

from tests.unit.api_gateway.api import Api


async def test_a_problem_leads_to_what_its_code_means(api: Api) -> None:
    told = (await api.get("/v1/templates/nothing")).body
    assert (told["code"], told["retry"], told["retryable"]) == ("not_found", "final", False)
    assert told["type"] == "/v1/errors/not_found"
    meaning = (await api.as_account("").get(told["type"])).body
    assert (meaning["code"], meaning["status"]) == ("not_found", told["status"])


async def test_a_code_tells_its_causes_and_hints(api: Api) -> None:
    told = (await api.get("/v1/errors/conflict.account_limit")).body
    assert (told["status"], told["retry"]) == (409, "final")
    assert told["said_by"] == ["api-gateway", "image-store"]
    assert any("image stores are taken" in cause for cause in told["causes"])
    assert told["hints"]


async def test_an_unlisted_code_is_of_its_family(api: Api) -> None:
    assert (await api.get("/v1/errors/conflict.of_some_plug-in")).body["code"] == "conflict"
    assert (await api.get("/v1/errors/nonsense")).status == 404


async def test_every_family_is_listed(api: Api) -> None:
    told = (await api.get("/v1/errors")).body["errors"]
    codes = {each["code"] for each in told}
    assert {
        kind.prefix
        for kind in StowageError.__subclasses__()
        if kind.__module__.startswith("stowage_contracts")
    } <= codes
    assert [each["code"] for each in told] == sorted(codes)


@pytest.mark.parametrize("code", ["invalid.query", "conflict.changed", "too_many.requests"])
async def test_what_the_gateway_says_is_listed(api: Api, code: str) -> None:
    assert (await api.get(f"/v1/errors/{code}")).body["code"] in {code, code.partition(".")[0]}
