"""The gateway as a CloudStack client sees it; ``cs`` is a root admin."""

import pytest
from api_gateway.settings import Settings

from tests.unit.api_gateway.api import Api
from tests.unit.api_gateway.cloudstack.client import CloudStack


@pytest.fixture
def cs(api: Api, settings: Settings) -> CloudStack:
    return CloudStack(api.session, api.key, settings.admin_secret_key.get_secret_value())


@pytest.fixture
async def user(api: Api, cs: CloudStack) -> CloudStack:
    """An ordinary account of its own."""
    made = (await api.post("/v1/accounts", {"name": "tenant"})).body
    return cs.as_user(made["api_key"], made["secret_key"])
