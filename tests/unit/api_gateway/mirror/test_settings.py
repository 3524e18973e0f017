"""The mirror is off until it is told of a CloudStack, and refuses settings that cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from api_gateway.__main__ import wire
from api_gateway.settings import Settings
from stowage_contracts.errors import InvalidInput

from tests.unit.api_gateway.api import Api

API = "https://cloud.example/client/api"


async def test_without_a_cloud_it_is_off_and_says_so(api: Api, settings: Settings) -> None:
    told = (await api.get("/v1/mirror")).body
    assert (told["state"], told["broker"], told["entities"]) == ("off", None, {})
    assert (await api.get("/v1/mirror/entities")).body == {"items": [], "next": None}
    refused = await api.post("/v1/mirror/sweep")
    assert (refused.status, refused.body["code"]) == (409, "conflict.mirror_off")
    assert "mirror" not in wire(settings).loops


@pytest.mark.parametrize(
    ("told", "named"),
    [
        ({"mirror_amqp_url": "amqps://broker.example/"}, "STOWAGE_MIRROR_API_URL"),
        (
            {"mirror_api_url": API, "mirror_amqp_url": "amqp://broker.example/"},
            "STOWAGE_MIRROR_AMQP_URL",
        ),
        ({"mirror_api_url": API.replace("https", "http")}, "STOWAGE_MIRROR_API_URL"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    made_keys: dict[str, str], told: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        wire(Settings.read(**made_keys, **told))
    assert refused.value.resource == named


@pytest.mark.parametrize(
    "told",
    [
        {"mirror_rules": [{"event": "*", "action": "explode"}]},
        {"mirror_api_rate": 0},
        {"mirror_exchange": "a b"},
    ],
)
def test_bad_settings_are_named(made_keys: dict[str, str], told: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=f"STOWAGE_{next(iter(told)).upper()}"):
        Settings.read(**made_keys, **told)


def test_with_a_cloud_there_is_a_loop_and_its_clocks(made_keys: dict[str, str]) -> None:
    service = wire(Settings.read(**made_keys, mirror_api_url=API))
    assert set(service.loops) >= {"mirror"}
    names = {timer.name for timer in service.timers}
    assert names >= {"mirror places", "mirror sweep", "mirror figures"}
