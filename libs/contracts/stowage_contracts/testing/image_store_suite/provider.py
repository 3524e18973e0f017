"""The provider: what an operator is shown, and the calls of a store's life."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel, SecretStr

from stowage_contracts.plugins.data_store_provider import DataStoreProvider
from stowage_contracts.plugins.image_store_driver import ImageStoreDriver
from stowage_contracts.testing.image_store_suite.base import StoreRows
from stowage_contracts.testing.store_hand import Hand
from stowage_contracts.values import HostState, HypervisorKind, Location, Scope, ScopeType
from stowage_contracts.views import HostView

_HOST = HostView(
    id="host-1",
    name="host-1",
    location=Location(zone_id="zone-1", host_id="host-1"),
    hypervisor=HypervisorKind.NONE,
    state=HostState.UP,
)


class Provider(StoreRows):
    """Settings any client can render as a form, and a life cycle that may be repeated."""

    async def test_it_says_what_it_is(self, provider: DataStoreProvider) -> None:
        assert provider.name.strip() == provider.name != ""
        assert provider.roles
        assert provider.scopes

    async def test_every_setting_is_described_for_a_form(self, provider: DataStoreProvider) -> None:
        schema = provider.settings.model_json_schema()
        assert schema["type"] == "object"
        for name, told in schema["properties"].items():
            assert told.get("title"), name
            assert told.get("description"), name
            assert {"type", "enum", "const", "anyOf", "$ref"} & told.keys(), name

    async def test_secret_settings_are_marked(self, provider: DataStoreProvider) -> None:
        properties = provider.settings.model_json_schema()["properties"]
        secret = set(_secrets(provider.settings))
        for name, told in properties.items():
            kinds = [told, *told.get("anyOf", ())]
            marked = any(k.get("writeOnly") and k.get("format") == "password" for k in kinds)
            assert marked is (name in secret), name

    async def test_choices_are_told(self, provider: DataStoreProvider) -> None:
        properties = provider.settings.model_json_schema()["properties"]
        for name, field in provider.settings.model_fields.items():
            choices = get_args(field.annotation)
            if choices and all(isinstance(choice, str) for choice in choices):
                assert properties[name]["enum"] == list(choices)

    async def test_each_step_of_its_life_may_be_repeated(
        self, provider: DataStoreProvider, driver: ImageStoreDriver, hand: Hand
    ) -> None:
        life = provider.lifecycle(driver)
        for _ in range(2):
            await life.initialize()
            for scope in map(_scope, provider.scopes):
                await life.attach(scope)
        await hand.put("kept", b"kept")
        for call in (life.maintain, life.cancel_maintain, life.drain):
            await call()
            await call()
            assert await hand.get("kept") == b"kept"
        await driver.delete("kept")
        for _ in range(2):
            await life.delete()

    async def test_hosts_may_come_and_go_repeatedly(
        self, provider: DataStoreProvider, driver: ImageStoreDriver
    ) -> None:
        listener = provider.host_listener(driver)
        for _ in range(2):
            if listener is not None:
                await listener.host_connected(_HOST)
        for _ in range(2):
            if listener is not None:
                await listener.host_disconnected(_HOST)


def _scope(kind: ScopeType) -> Scope:
    return Scope.region() if kind is ScopeType.REGION else Scope(type=kind, id="id-1", zone_id="z")


def _secrets(settings: type[BaseModel]) -> Iterator[str]:
    for name, field in settings.model_fields.items():
        kinds: tuple[Any, ...] = (field.annotation, *get_args(field.annotation))
        if SecretStr in kinds:
            yield name
