"""Hosts: announced by an operator, enrolled by their agent with a one-time token."""

from datetime import timedelta

from pydantic import Field, SecretStr
from stowage_contracts.errors import InvalidInput, NotAuthorized
from stowage_contracts.messages.image_store import AddHost
from stowage_contracts.values import (
    HostState,
    HypervisorKind,
    Id,
    Location,
    Name,
    Secret,
    Value,
    new_id,
)
from stowage_contracts.views import HostView
from stowage_runtime.bus.rabbit.agent_users import check_host_id
from stowage_runtime.handling.tx import Tx
from stowage_runtime.http import Call, Reply, Route
from stowage_runtime.service import Desk

from api_gateway.accounts import Principal, hash_of, new_key
from api_gateway.bodies import Given, is_id
from api_gateway.deps import Deps
from api_gateway.filters import NamedQuery
from api_gateway.idempotency import accept, refuse_key
from api_gateway.orders import IMAGE_STORE
from api_gateway.resources import Match, Page, WaitQuery, pending, reference, settled, shown
from api_gateway.routes.places import readers


class NewHost(Given):
    """A host (in a cluster) or plain mover (in a zone, or anywhere) to announce."""

    id: Id | None = None
    name: Name
    hypervisor: HypervisorKind
    cluster_id: Id | None = None
    zone_id: Id | None = None


class HostsQuery(NamedQuery):
    """Which hosts."""

    state: HostState | None = None
    hypervisor: HypervisorKind | None = None
    zone_id: Id | None = None
    cluster_id: Id | None = None

    def any_of(self) -> list[Match]:
        """Where it stands, and how."""
        return [
            {**self.given("state", "hypervisor"), "location": self.given("zone_id", "cluster_id")}
        ]


class AnnouncedHost(HostView):
    """A host and the token its agent joins with, shown once."""

    join_token: Secret


class Enrolment(Given):
    """An agent's join token."""

    token: SecretStr = Field(max_length=200)


class Identity(Value):
    """All an agent needs to know of itself; shown once, to be kept at mode 600."""

    host_id: Id
    name: Name
    hypervisor: HypervisorKind
    location: Location
    amqp_url: Secret
    bus_prefix: str
    ticket_verify_key: str


async def add_host(call: Call, desk: Desk, deps: Deps) -> Reply:
    """Announce a host; the answer carries its one-time join token."""
    call.principal.require_admin()
    refuse_key(call, "a join token")
    body: NewHost = call.body
    token = new_key()

    async def make(tx: Tx) -> AnnouncedHost:
        host = await announce(body, call.principal, tx)
        await _keep_token(tx, host.id, token, deps)
        return AnnouncedHost(**dict(host), join_token=token)

    return await accept(call, desk, deps, make)


async def announce(body: NewHost, principal: Principal, tx: Tx) -> HostView:
    """The row and the command; raises InvalidInput, NotFound, Conflict."""
    host_id = body.id or new_id()
    check_host_id(host_id)
    host = HostView(
        id=host_id,
        name=body.name,
        hypervisor=body.hypervisor,
        location=await _place(body, principal, tx),
        state=HostState.CREATING,
    )
    await pending(tx, "host", host)
    await tx.say(_command(host, body), to=IMAGE_STORE)
    return host


def _command(host: HostView, body: NewHost) -> AddHost:
    return AddHost(
        host_id=host.id,
        name=host.name,
        hypervisor=host.hypervisor,
        cluster_id=body.cluster_id,
        zone_id=host.location.zone_id,
    )


async def _place(body: NewHost, principal: Principal, tx: Tx) -> Location:
    if body.cluster_id is None:
        if body.zone_id is not None:
            await reference("zone", body.zone_id, principal, tx)
        return Location(zone_id=body.zone_id)
    cluster = await reference("cluster", body.cluster_id, principal, tx)
    if cluster["hypervisor"] != body.hypervisor:
        raise InvalidInput(
            f"the cluster runs {cluster['hypervisor']}",
            code="hypervisor",
            resource=f"cluster/{body.cluster_id}",
            hint="a cluster's hosts run one hypervisor",
        )
    return Location(
        zone_id=cluster["zone_id"], pod_id=cluster["pod_id"], cluster_id=body.cluster_id
    )


async def _keep_token(tx: Tx, host_id: str, token: SecretStr, deps: Deps) -> None:
    expires = tx.now + timedelta(seconds=deps.settings.join_token_seconds)
    await tx.run("add_token", host_id, hash_of(token), expires)


async def show_host(call: Call, desk: Desk, deps: Deps) -> Reply:
    """A host; with ``wait`` once its agent has joined."""
    return shown(
        await settled("host", call, desk, deps, lambda row: row["state"] != HostState.CREATING)
    )


async def renew_token(call: Call, desk: Desk, deps: Deps) -> AnnouncedHost:
    """A new join token for a known host; the old one stops working."""
    call.principal.require_admin()
    refuse_key(call, "a join token")
    token = new_key()
    async with desk.transaction() as tx:
        found = await reference("host", call.path["id"], call.principal, tx)
        await _keep_token(tx, call.path["id"], token, deps)
    return AnnouncedHost.model_validate({**found, "join_token": token})


async def enrol(call: Call, desk: Desk, deps: Deps) -> Identity:
    """Exchange a join token for a broker user limited to the host's own queue."""
    host_id, digest = call.path["id"], hash_of(call.body.token)
    async with desk.transaction() as tx:
        known = is_id(host_id) and await tx.run("use_token", host_id, digest)
        row = await tx.row("resource", "host", host_id) if known else None
    if row is None:
        raise NotAuthorized(
            "the join token is unknown, used or expired",
            code="join_token",
            resource=f"host/{host_id[:64]}",
            hint="ask an operator for a new one",
        )
    return await _identity(HostView.model_validate(row["state"]), digest, desk, deps)


async def _identity(host: HostView, digest: str, desk: Desk, deps: Deps) -> Identity:
    try:
        amqp_url = await deps.agents.admit(host.id)
    except BaseException:
        async with desk.transaction() as tx:
            await tx.run("unuse_token", host.id, digest)
        raise
    return Identity(
        host_id=host.id,
        name=host.name,
        hypervisor=host.hypervisor,
        location=host.location.model_copy(update={"host_id": host.id}),
        amqp_url=SecretStr(amqp_url),
        bus_prefix=deps.settings.bus_prefix,
        ticket_verify_key=deps.settings.ticket_verify_key,
    )


ROUTES: tuple[Route[Deps], ...] = (
    Route(
        "POST",
        "/v1/hosts",
        add_host,
        "Announce a host",
        body=NewHost,
        reply=AnnouncedHost,
        status=202,
        tags=("hosts",),
    ),
    Route(
        "POST",
        "/v1/hosts/{id}/token",
        renew_token,
        "Make a new join token",
        reply=AnnouncedHost,
        tags=("hosts",),
    ),
    Route(
        "POST",
        "/v1/hosts/{id}/enrol",
        enrol,
        "Enrol an agent with its join token",
        body=Enrolment,
        reply=Identity,
        auth=False,
        tags=("hosts",),
    ),
    readers("host", HostView, Page[HostView], HostsQuery)[0],
    Route(
        "GET",
        "/v1/hosts/{id}",
        show_host,
        "Show a host",
        query=WaitQuery,
        reply=HostView,
        tags=("hosts",),
        seconds=630,
    ),
)
