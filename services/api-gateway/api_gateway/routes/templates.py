"""Templates and ISOs."""

from datetime import UTC, datetime

from pydantic import SecretStr
from stowage_contracts.messages.image_store import DeleteTemplate, RegisterTemplate
from stowage_contracts.values import (
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Name,
    Scope,
    Value,
    new_id,
)
from stowage_contracts.views import TemplateView
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.secrets import Sealer
from stowage_runtime.service import Desk
from stowage_runtime.tx import Tx

from api_gateway.deps import Deps
from api_gateway.resources import Page, PageQuery, WaitQuery, accept, page, pending, settled, state
from api_gateway.routes.places import IMAGE_STORE, State


class NewTemplate(Value):
    """An image to fetch from a URL, verify and keep."""

    id: Id | None = None
    name: Name
    url: SecretStr
    """http or https; it may carry credentials and is sealed at once."""
    format: ImageFormat
    hypervisor: HypervisorKind = HypervisorKind.KVM
    zone_id: Id | None = None
    """One zone; region-wide when missing."""
    checksum: Digest | None = None
    """``<algorithm>:<hex>`` of the bytes at the URL; refused when they differ."""
    store_id: Id | None = None


class RegisteredTemplate(TemplateView):
    """A template and the copy that fetches it."""

    copy_id: Id


async def register(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Register a template; follow it by its own state or by ``copy_id``."""
    body: NewTemplate = call.body
    copy_id = new_id()

    async def make(tx: Tx) -> RegisteredTemplate:
        scope = await _scope(body, call, tx)
        view = TemplateView(
            id=body.id or new_id(),
            account_id=call.principal.account_id,
            name=body.name,
            format=body.format,
            hypervisor=body.hypervisor,
            scope=scope,
            checksum=body.checksum,
            created=datetime.now(UTC),
        )
        await pending(tx, "template", view, view.account_id)
        await tx.say(_command(view, body, copy_id, deps), to=IMAGE_STORE)
        return RegisteredTemplate(**dict(view), copy_id=copy_id)

    return await accept(call, desk, make)


async def _scope(body: NewTemplate, call: Call, tx: Tx) -> Scope:
    if body.zone_id is None:
        return Scope.region()
    await state("zone", body.zone_id, call, tx)
    return Scope.zone(body.zone_id)


def _command(view: TemplateView, body: NewTemplate, copy_id: str, deps: Deps) -> RegisterTemplate:
    url = body.url.get_secret_value().encode()
    public = deps.settings.seal_public_key_image_store
    return RegisterTemplate(
        template_id=view.id,
        account_id=view.account_id,
        name=view.name,
        format=view.format,
        sealed_url=Sealer.seal(public, url, f"template/{view.id}"),
        checksum=view.checksum,
        hypervisor=view.hypervisor,
        scope=view.scope,
        store_id=body.store_id,
        copy_id=copy_id,
    )


async def list_templates(call: Call, desk: Desk, deps: Deps) -> Page:
    """The caller's templates."""
    return await page("template", call, desk, {"removed": False})


async def show_template(call: Call, desk: Desk, deps: Deps) -> State:
    """A template; with ``wait`` once it is ready or has failed."""
    found = await settled(
        "template", call, desk, deps, lambda row: bool(row["ready"] or row["error"])
    )
    return State(found)


async def delete_template(call: Call, desk: Desk, deps: Deps) -> State:
    """Hide a template and delete its replicas."""
    async with desk.transaction() as tx:
        found = await state("template", call.path["id"], call, tx)
        await tx.say(DeleteTemplate(template_id=call.path["id"]), to=IMAGE_STORE)
    return State(found)


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/templates",
        register,
        "Register a template from a URL",
        body=NewTemplate,
        reply=RegisteredTemplate,
        status=202,
        tags=("templates",),
    ),
    Route(
        "GET",
        "/v1/templates",
        list_templates,
        "List templates",
        query=PageQuery,
        reply=Page,
        tags=("templates",),
    ),
    Route(
        "GET",
        "/v1/templates/{id}",
        show_template,
        "Show a template",
        query=WaitQuery,
        reply=State,
        tags=("templates",),
        seconds=630,
    ),
    Route(
        "DELETE",
        "/v1/templates/{id}",
        delete_template,
        "Delete a template",
        reply=State,
        status=202,
        tags=("templates",),
    ),
)
