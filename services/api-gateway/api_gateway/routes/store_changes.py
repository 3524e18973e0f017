"""Changing an image store: what it may be asked to do, its name, tags, settings and secrets."""

from typing import Any, Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from stowage_contracts.errors import InvalidInput
from stowage_contracts.messages.image_store import ChangeStore
from stowage_contracts.values import Bytes, Name, StoreRole
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.conditions import matched
from api_gateway.deps import Deps
from api_gateway.forms import check_size, form_of
from api_gateway.idempotency import accept
from api_gateway.new_stores import MOST_TAGS, seal
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import State, reference

LARGEST = 1 << 62


class StoreChange(Given):
    """What to change; what is left out stays. New settings or secrets are probed first."""

    state: Literal["Up", "ReadOnly", "Draining", "Disabled"] | None = None
    name: Name | None = None
    tags: tuple[Name, ...] | None = Field(default=None, max_length=MOST_TAGS)
    settings: dict[str, Any] | None = None
    secrets: dict[str, SecretStr] = Field(default={}, max_length=32)
    capacity_bytes: Bytes | None = Field(default=None, le=LARGEST)
    """What it may hold whatever its server tells, which may tell nothing."""

    @field_validator("settings")
    @classmethod
    def _small(cls, settings: dict[str, Any] | None) -> dict[str, Any] | None:
        return settings if settings is None else check_size(settings)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_dump(exclude_none=True, exclude={"secrets"}) and not self.secrets:
            raise ValueError("name what is to change")
        return self


async def change(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Change a store's state, name, tags, settings, secrets or capacity."""
    call.principal.require_admin()

    async def make(tx: Tx) -> State:
        found = await image_store(call, tx)
        await tx.say(await _changed(found, call.body, tx, deps), to=IMAGE_STORE)
        return State(found)

    return await accept(call, desk, deps, matched(call, "store", make))


async def _changed(found: dict[str, Any], body: StoreChange, tx: Tx, deps: Deps) -> ChangeStore:
    form = await form_of(found["provider"], tx)
    filled = form.fill(body.settings or {}, body.secrets)
    return ChangeStore(
        store_id=found["id"],
        **body.model_dump(include={"state", "name", "tags", "capacity_bytes"}),
        settings=filled.settings or None,
        sealed=seal(filled, found["id"], StoreRole.IMAGE, deps) or None,
    )


async def image_store(call: Call, tx: Tx) -> dict[str, Any]:
    return checked(await reference("store", call.path["id"], call.principal, tx))


def checked(found: dict[str, Any]) -> dict[str, Any]:
    if found["role"] != StoreRole.IMAGE:
        raise InvalidInput(
            f"the store has role {found['role']}; this is done with image stores",
            code="role",
            resource=f"store/{found['id']}",
            hint="list them with role=Image",
        )
    return found
