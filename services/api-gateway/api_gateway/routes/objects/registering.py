"""Registering an object: a row to read at once and a command for image-store."""

from dataclasses import dataclass
from typing import Any

from stowage_contracts import sealing
from stowage_contracts.errors import InvalidInput, NotFound
from stowage_contracts.values import ObjectRef, Scope, StoreRole, new_id
from stowage_contracts.views import CopyView, ObjectView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply
from stowage_runtime.secrets import Sealer
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.limits import reserve_count
from api_gateway.orders import IMAGE_STORE, ref_of
from api_gateway.resources import pending, reference
from api_gateway.routes.objects.bodies import NewObject, NewSnapshot
from api_gateway.routes.objects.nouns import Noun

_SHARED = {"name", "format", "checksum", "min_copies", "max_copies", "tags"}
"""Fields of a body that views and commands have, too."""
_ORDERED = {"size", "store_ids", "in_place"}
"""Fields that only commands have."""


@dataclass(frozen=True)
class Registration:
    """One object to register, whoever asks for it."""

    noun: Noun
    body: NewObject
    principal: Principal

    async def make(self, tx: Tx, deps: Deps) -> ObjectView:
        """The row and the command; raises NotFound, InvalidInput, Conflict."""
        await _check(self.body, self.principal, tx)
        await reserve_count(tx, self.principal.account_id, self.noun.name)
        view = self._view(tx)
        await pending(tx, self.noun.name, view, view.account_id)
        copy_id = new_id()
        fetched = self.body.url is not None and not self.body.in_place
        if fetched:
            copy = _fetching(view, self.body, copy_id)
            await pending(tx, "copy", copy, copy.account_id)
        await tx.say(self._command(view, copy_id, deps), to=IMAGE_STORE)
        told = {**dict(view), "copy_id": copy_id if fetched else None}
        return self.noun.registered.model_validate(told)

    def _view(self, tx: Tx) -> ObjectView:
        body = self.body
        return self.noun.view.model_validate(
            {
                **body.model_dump(include=_SHARED | self.noun.own),
                "id": body.id or new_id(),
                "account_id": self.principal.account_id,
                "kind": self.noun.kind(body.format),
                "scope": Scope.zone(body.zone_id) if body.zone_id else Scope.region(),
                "upload": body.upload,
                "created": tx.now,
            }
        )

    def _command(self, view: ObjectView, copy_id: str, deps: Deps) -> Any:
        body = self.body
        return self.noun.register.model_validate(
            {
                **body.model_dump(include=_SHARED | _ORDERED | self.noun.own),
                self.noun.key: view.id,
                "account_id": view.account_id,
                "sealed_url": _sealed(body, ref_of(dict(view)), deps),
                "scope": view.scope,
                "admin": self.principal.admin,
                "copy_id": copy_id,
            }
        )


@dataclass(frozen=True)
class Registering:
    """The route that registers objects of one noun."""

    noun: Noun

    async def create(self, call: Call, desk: Desk, deps: Deps) -> Reply:
        """Register an object; follow it by its own state or by ``copy_id``."""
        registration = Registration(self.noun, call.body, call.principal)
        return await accept(call, desk, deps, lambda tx: registration.make(tx, deps))


async def _check(body: NewObject, principal: Principal, tx: Tx) -> None:
    """Raises NotFound or InvalidInput for what the body refers to."""
    if body.zone_id is not None:
        await reference("zone", body.zone_id, principal, tx)
    for store_id in body.store_ids:
        store = await reference("store", store_id, principal, tx)
        if store["role"] != StoreRole.IMAGE:
            raise InvalidInput(
                f"the store has role {store['role']}; objects are kept on image stores",
                code="role",
                resource=f"store/{store_id}",
                hint="list them with role=Image",
            )
    if isinstance(body, NewSnapshot) and body.parent_id is not None:
        await reference("snapshot", body.parent_id, principal, tx)
    if isinstance(body, NewSnapshot) and body.volume_id is not None:
        await _own_if_known("volume", body.volume_id, principal, tx)


async def _own_if_known(noun: str, key: str, principal: Principal, tx: Tx) -> None:
    """What is not on any store of ours may be named, what belongs to others may not."""
    row = await tx.row("resource", noun, key)
    if row is not None and not principal.may_see(row["account_id"]):
        raise NotFound(f"no such {noun}", resource=f"{noun}/{key}")


def _sealed(body: NewObject, what: ObjectRef, deps: Deps) -> str:
    if body.url is None:
        return ""
    public = deps.settings.seal_public_key_image_store
    return Sealer.seal(public, body.url.get_secret_value().encode(), sealing.for_object(what))


def _fetching(view: ObjectView, body: NewObject, copy_id: str) -> CopyView:
    wanted = ref_of(dict(view))
    return CopyView(
        id=copy_id,
        leader_id=copy_id,
        account_id=view.account_id,
        object=wanted,
        source=f"URL of {wanted}",
        destination="an image store",
        destination_store_id=body.store_ids[0] if body.store_ids else None,
        state="requested",
        created=view.created,
    )
