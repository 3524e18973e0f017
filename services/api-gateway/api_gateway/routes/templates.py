"""Templates and ISOs."""

from pydantic import BaseModel, SecretStr, field_validator
from stowage_contracts.messages.image_store import DeleteTemplate, RegisterTemplate
from stowage_contracts.values import (
    Digest,
    HypervisorKind,
    Id,
    ImageFormat,
    Name,
    ObjectKind,
    ObjectRef,
    Scope,
    new_id,
)
from stowage_contracts.views import CopyView, TemplateView
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.secrets import Sealer
from stowage_runtime.service import Desk

from api_gateway.bodies import Given
from api_gateway.deps import Deps
from api_gateway.idempotency import accept
from api_gateway.resources import (
    Page,
    PageQuery,
    State,
    WaitQuery,
    page,
    pending,
    reference,
    settled,
)
from api_gateway.routes.places import IMAGE_STORE

LONGEST_URL = 4096


class NewTemplate(Given):
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

    @field_validator("url")
    @classmethod
    def _fetchable(cls, url: SecretStr) -> SecretStr:
        text = url.get_secret_value()
        if not text.lower().startswith(("http://", "https://")) or len(text) > LONGEST_URL:
            raise ValueError(f"a URL is http or https and has at most {LONGEST_URL} characters")
        return url


class RegisteredTemplate(TemplateView):
    """A template and the copy that fetches it."""

    copy_id: Id


async def register(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Register a template; follow it by its own state or by ``copy_id``."""
    body: NewTemplate = call.body

    async def make(tx: Tx) -> RegisteredTemplate:
        view = await _view(body, call, tx)
        copy = _fetching(view, body)
        await pending(tx, "template", view, view.account_id)
        await pending(tx, "copy", copy, copy.account_id)
        await tx.say(_command(view, body, copy.id, deps), to=IMAGE_STORE)
        return RegisteredTemplate(**dict(view), copy_id=copy.id)

    return await accept(call, desk, deps, make)


async def _view(body: NewTemplate, call: Call, tx: Tx) -> TemplateView:
    scope = Scope.region()
    if body.zone_id is not None:
        await reference("zone", body.zone_id, call.principal, tx)
        scope = Scope.zone(body.zone_id)
    if body.store_id is not None:
        await reference("store", body.store_id, call.principal, tx)
    kind = ObjectKind.ISO if body.format is ImageFormat.ISO else ObjectKind.TEMPLATE
    return TemplateView(
        id=body.id or new_id(),
        account_id=call.principal.account_id,
        name=body.name,
        kind=kind,
        format=body.format,
        hypervisor=body.hypervisor,
        scope=scope,
        checksum=body.checksum,
        created=tx.now,
    )


def _fetching(view: TemplateView, body: NewTemplate) -> CopyView:
    copy_id = new_id()
    wanted = ObjectRef(kind=ObjectKind(view.kind), id=view.id)
    return CopyView(
        id=copy_id,
        leader_id=copy_id,
        account_id=view.account_id,
        object=wanted,
        source=f"URL of {wanted}",
        destination="an image store",
        destination_store_id=body.store_id,
        state="requested",
        created=view.created,
    )


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


async def list_templates(call: Call, desk: Desk, deps: Deps) -> BaseModel:
    """The caller's templates."""
    return await page("template", call, desk, {"removed": False})


async def show_template(call: Call, desk: Desk, deps: Deps) -> State:
    """A template; with ``wait`` once it is ready or has failed."""
    return State(
        await settled(
            "template",
            call,
            desk,
            deps,
            lambda row: bool(row["ready"] or row["error"] or row["removed"]),
        )
    )


async def delete_template(call: Call, desk: Desk, deps: Deps) -> State:
    """Hide a template and delete its replicas."""
    async with desk.transaction() as tx:
        found = await reference("template", call.path["id"], call.principal, tx)
        await tx.say(DeleteTemplate(template_id=found["id"]), to=IMAGE_STORE)
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
        reply=Page[TemplateView],
        tags=("templates",),
    ),
    Route(
        "GET",
        "/v1/templates/{id}",
        show_template,
        "Show a template",
        query=WaitQuery,
        reply=TemplateView,
        tags=("templates",),
        seconds=630,
    ),
    Route(
        "DELETE",
        "/v1/templates/{id}",
        delete_template,
        "Delete a template",
        reply=TemplateView,
        status=202,
        tags=("templates",),
    ),
)
