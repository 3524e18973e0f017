"""Image stores and staging stores, field by field; their owners are played."""

import json
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr
from stowage_contracts.errors import InvalidInput, Unavailable
from stowage_contracts.message import Message
from stowage_contracts.messages.image_store import AddStore, StoreAdded, StoreRejected
from stowage_contracts.values import Scope
from stowage_contracts.views import StoreView
from stowage_runtime.secrets import Opener
from stowage_stores.directory.provider import DirectorySettings
from stowage_stores.nfs.provider import NfsSettings
from stowage_stores.s3.settings import S3Settings
from stowage_stores.swift.settings import SwiftSettings

from tests.unit.api_gateway import words
from tests.unit.api_gateway.cloudstack.client import CloudStack, Reply
from tests.unit.api_gateway.cloudstack.playing import Bench, details, owner

ALL = ["region", "zone", "pod", "cluster", "host"]
FORMS: dict[str, tuple[str, type[BaseModel]]] = {
    "s3": ("S3", S3Settings),
    "swift": ("Swift", SwiftSettings),
    "nfs": ("NFS", NfsSettings),
    "directory": ("directory", DirectorySettings),
}
DETAILS = {"accesskey": "AK", "secretkey": "canary", "endpoint": "s3.example", "bucket": "b"}


@pytest.fixture
async def stores(bench: Bench) -> Bench:
    """A zone and the providers that are built in."""
    for number, (key, (name, settings)) in enumerate(FORMS.items()):
        offered = words.provider(
            key,
            name=name,
            roles=["Image", "ImageCache"],
            scopes=ALL,
            settings=settings.model_json_schema(),
        )
        await bench.handle(offered, sequence=number + 1)
    await bench.handle(words.zone("z1", "one"), sequence=1)
    return bench


def view(said: AddStore, **changes: Any) -> StoreView:
    told = {
        "id": said.store_id,
        **said.model_dump(include={"name", "provider", "role", "scope", "settings"}),
        "state": "Up",
        **changes,
    }
    return StoreView.model_validate(told)


def accepts(message: Message) -> Message | None:
    """Its probe passes."""
    if isinstance(message, AddStore):
        return StoreAdded(state=view(message, total_bytes=1000, used_bytes=10))
    return None


async def added(
    cs: CloudStack, bench: Bench, command: str = "addImageStore", **params: object
) -> tuple[Reply, AddStore]:
    async with owner(bench, accepts) as heard:
        reply = await cs.call(command, **params)
    (said,) = heard
    assert isinstance(said, AddStore)
    return reply, said


def secrets(said: AddStore, keys: dict[str, str], owner: str = "image_store") -> dict[str, Any]:
    opener = Opener(SecretStr(keys[f"seal_private_key_{owner}"]))
    found: dict[str, Any] = json.loads(
        opener.open(said.sealed, f"image_data_store/{said.store_id}")
    )
    return found


async def test_a_store_is_added_once_it_is_proven(
    cs: CloudStack, stores: Bench, made_keys: dict[str, str]
) -> None:
    given = {**DETAILS, "usehttps": "false", "sockettimeout": "5000", "maxerrorretry": "3"}
    reply, said = await added(
        cs, stores, provider="s3", name="rgw", **details({**given, "region": "eu"})
    )
    assert (reply.status, reply.envelope) == (200, "addimagestoreresponse")
    assert reply.body == {
        "imagestore": {
            "id": said.store_id,
            "name": "rgw",
            "protocol": "http",
            "providername": "S3",
            "scope": "REGION",
            "readonly": False,
            "disksizetotal": 1000,
            "disksizeused": 10,
            "hasannotations": False,
            "state": "Enabled",
        }
    }
    assert said.settings == {
        "endpoint": "http://s3.example",
        "bucket": "b",
        "region": "eu",
        "timeout_seconds": 5.0,
    }
    assert secrets(said, made_keys) == {"access_key": "AK", "secret_key": "canary"}
    assert "canary" not in str(await cs.call("listImageStores"))


async def test_an_nfs_store_of_a_zone_has_its_url(cs: CloudStack, stores: Bench) -> None:
    url = "nfs://filer/images"
    reply, said = await added(
        cs, stores, provider="NFS", url=url, zoneid="z1", **details({"nfsversion": "4.1"})
    )
    assert reply.body["imagestore"] == {
        "id": said.store_id,
        "zoneid": "z1",
        "zonename": "one",
        "name": url,
        "url": url,
        "protocol": "nfs",
        "providername": "NFS",
        "scope": "ZONE",
        "readonly": False,
        "disksizetotal": 1000,
        "disksizeused": 10,
        "hasannotations": False,
        "state": "Enabled",
    }
    assert said.settings == {"url": f"{url}?version=4"}
    assert said.scope == Scope.zone("z1")


async def test_a_swift_store_gets_a_container_and_a_key(
    cs: CloudStack, stores: Bench, made_keys: dict[str, str]
) -> None:
    url = "http://swift:8080/auth/v1.0"
    given = {"account": "test", "username": "tester", "key": "canary", "storagepolicy": "gold"}
    reply, said = await added(cs, stores, provider="SWIFT", url=url, **details(given))
    assert reply.body["imagestore"]["url"] == url
    assert said.settings == {
        "auth_url": url,
        "user": "test:tester",
        "container": "stowage",
        "create": True,
        "policy": "gold",
    }
    sealed = secrets(said, made_keys)
    assert sealed["key"] == "canary"
    assert len(sealed["temp_url_key"]) > 20


async def test_add_image_store_s3_names_it_by_its_id(cs: CloudStack, stores: Bench) -> None:
    given = {**DETAILS, "usehttps": False, "s3signer": "S3SignerType", "connectionttl": 5}
    reply, said = await added(cs, stores, "addImageStoreS3", **given)
    assert reply.envelope == "addImageStoreS3Response"
    assert reply.body["imagestore"]["name"] == said.store_id
    assert "url" not in reply.body["imagestore"]
    assert said.settings == {"endpoint": "http://s3.example", "bucket": "b"}


OLD: list[Any] = [
    ("addSecondaryStorage", {"url": "nfs://f/e", "zoneid": "z1"}, "NFS"),
    ("addS3", {"accesskey": "a", "secretkey": "s", "bucket": "b"}, "S3"),
    ("addSwift", {"url": "http://s/auth", "account": "a", "username": "u", "key": "k"}, "Swift"),
]


@pytest.mark.parametrize(("command", "params", "provider"), OLD)
async def test_old_commands_still_add_stores(
    cs: CloudStack, stores: Bench, command: str, params: dict[str, object], provider: str
) -> None:
    reply, said = await added(cs, stores, command, **params)
    assert reply.envelope == f"{command.lower()}response"
    assert reply.body["secondarystorage"]["id"] == said.store_id
    assert said.provider == provider
    if command == "addS3":
        assert said.settings["endpoint"] == "https://s3.amazonaws.com"
    found = {name: await cs.rows(name, "imagestore") for name in ("listS3s", "listSwifts")}
    assert len(found["listS3s"]) == (provider == "S3")
    assert len(found["listSwifts"]) == (provider == "Swift")
    (api,) = await cs.rows("listApis", "api", name=command)
    assert "Deprecated" in api["description"]


WRONG: list[Any] = [
    ({"provider": "gopher"}, "there is no provider 'gopher'"),
    ({"provider": "S3", **details({"bucket": "b"})}, "accesskey"),
    ({"provider": "S3", **details({**DETAILS, "sockettimeout": "x"})}, "sockettimeout"),
    ({"provider": "NFS", "url": "http://filer/x"}, "nfs://"),
    ({"provider": "SMB", "url": "cifs://filer/x"}, "directory"),
    ({"provider": "NFS", "url": "nfs://f/x", "zoneid": "z9"}, "no such zone"),
    ({"provider": "directory", "url": "file:///x", "name": "taken"}, "taken"),
    ({"provider": "directory", **details({"root": "/x", "deadline_seconds": "y"})}, "deadline"),
    ({"provider": "Swift", **details({"account": "a"})}, "url, key"),
]


@pytest.mark.parametrize(("params", "told"), WRONG)
async def test_what_is_wrong_with_a_store_is_told(
    cs: CloudStack, stores: Bench, params: dict[str, object], told: str
) -> None:
    await stores.handle(words.store("s1", name="taken"), sequence=1)
    reply = await cs.call("addImageStore", **params)
    assert reply.error[0] == 431, reply
    assert told in reply.error[1]
    assert await stores.said() == []


@pytest.mark.parametrize(
    ("error", "code"), [(InvalidInput("no root"), 431), (Unavailable("no route"), 530)]
)
async def test_nothing_is_kept_of_a_store_that_is_not_proven(
    cs: CloudStack, stores: Bench, error: Any, code: int
) -> None:
    def rejects(message: Message) -> Message | None:
        assert isinstance(message, AddStore)
        return StoreRejected(state=view(message, state="Removed", error=error.problem))

    async with owner(stores, rejects):
        reply = await cs.call("addImageStore", provider="directory", url="file:///x")
    assert reply.error == (code, error.cause)
    assert await cs.rows("listImageStores", "imagestore") == []


@pytest.mark.parametrize("scope", ["zone", "host"])
async def test_a_staging_store_belongs_to_its_scope(
    cs: CloudStack, stores: Bench, scope: str, made_keys: dict[str, str]
) -> None:
    await stores.handle(words.host("h1"), sequence=1)
    key = {"zone": "z1", "host": "h1"}[scope]
    params = {"scope": scope.upper(), f"{scope}id": key, "url": "nfs://f/cache"}
    reply, said = await added(cs, stores, "createSecondaryStagingStore", **params)
    assert reply.body["secondarystorage"]["scope"] == scope.upper()
    assert (said.role, said.provider, said.scope.id) == ("ImageCache", "NFS", key)
