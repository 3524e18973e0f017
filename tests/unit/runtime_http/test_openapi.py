"""The description is valid OpenAPI 3.1 and says what is served."""

from typing import Any

import aiohttp
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from stowage_runtime.http.openapi import document

from tests.unit.runtime_http.conftest import World, table


@pytest.fixture
def described(world: World) -> dict[str, Any]:
    return document("Things", table(world))


def test_it_is_valid(described: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(described).validate()


def test_every_route_is_in_it(described: dict[str, Any], world: World) -> None:
    served = {(route.path, route.method.lower()) for route in table(world)}
    assert served == {(path, verb) for path, verbs in described["paths"].items() for verb in verbs}


def test_operations_have_different_names(described: dict[str, Any]) -> None:
    names = [op["operationId"] for verbs in described["paths"].values() for op in verbs.values()]
    assert len(names) == len(set(names))


def test_failures_are_problems(described: dict[str, Any]) -> None:
    failure = described["paths"]["/things"]["post"]["responses"]["4XX"]
    assert failure["content"]["application/problem+json"]["example"]["code"] == "not_found"


def test_only_routes_that_want_a_caller_ask_for_one(described: dict[str, Any]) -> None:
    assert described["paths"]["/me"]["get"]["security"] == [{"caller": []}]
    assert "security" not in described["paths"]["/things"]["get"]


def test_query_and_path_parameters_are_described(described: dict[str, Any]) -> None:
    limit = described["paths"]["/things"]["get"]["parameters"][0]
    assert (limit["name"], limit["in"], limit["schema"]["maximum"]) == ("limit", "query", 100)
    name = described["paths"]["/things/{id}"]["get"]["parameters"][0]
    assert (name["name"], name["in"], name["required"]) == ("id", "path", True)


def test_streams_are_described_by_their_media_type(described: dict[str, Any]) -> None:
    good = described["paths"]["/events"]["get"]["responses"]["200"]
    assert list(good["content"]) == ["text/event-stream"]


async def test_it_is_served(client: aiohttp.ClientSession) -> None:
    async with client.get("/openapi.json") as response:
        assert (await response.json())["info"]["title"] == "Things"
