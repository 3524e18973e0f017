"""stowage-api-gateway: run, migrate, check."""

from stowage_contracts.topology import Topology
from stowage_contracts.values import ServiceName
from stowage_runtime.bus.rabbit.broker_users import BrokerUsers
from stowage_runtime.command import ServiceCommand
from stowage_runtime.command import main as run_command
from stowage_runtime.crossing import check_crossing
from stowage_runtime.http.limiting import Limiter, Rates
from stowage_runtime.secrets import RowCipher
from stowage_runtime.service import Service
from yarl import URL

from api_gateway.accounts import authenticate
from api_gateway.cloudstack.door import ROUTES as CLOUDSTACK
from api_gateway.deps import AdmitsAgents, Deps
from api_gateway.enrolment import BrokerAdmission, NoAdmission, vhost_of
from api_gateway.feed import Feed
from api_gateway.handlers import HANDLERS, SIGNALS
from api_gateway.ingress import on_foreign
from api_gateway.mirror.following import mirror_loops
from api_gateway.mirror.scheduling import mirror_timers
from api_gateway.routes import ROUTES
from api_gateway.settings import Settings
from api_gateway.sinks.dispatcher import Needs
from api_gateway.timers import TIMERS

GATHER_SECONDS = 0.05
"""How long an event waits for others before it is shown: one copy is several within moments."""


def wire(settings: Settings) -> Service[Deps]:
    """Build the service; nothing is opened yet."""
    feed = Feed()
    deps = Deps(
        settings=settings,
        cipher=RowCipher(settings.at_rest_key),
        feed=feed,
        agents=_admission(settings),
        limiter=Limiter(_rates(settings)),
    )
    sinks = Needs(feed, deps.cipher, deps.senders, deps.sinks)
    return Service(
        name=ServiceName.API_GATEWAY,
        package="api_gateway",
        deps=deps,
        handlers=HANDLERS,
        gather_seconds=GATHER_SECONDS,
        signals=SIGNALS,
        ingress=on_foreign,
        timers=(*TIMERS, *mirror_timers(settings)),
        loops={**mirror_loops(deps), "sinks": sinks.loop},
        routes=(*ROUTES, *CLOUDSTACK),
        close=feed.close,
        authenticate=authenticate,
        ready_without_bus=True,
        limiter=deps.limiter,
        body_bytes=settings.request_bytes,
    )


def _rates(settings: Settings) -> Rates:
    return Rates(
        settings.requests_per_second,
        settings.request_burst,
        settings.refused_per_second,
        settings.streams_per_key,
    )


def _admission(settings: Settings) -> AdmitsAgents:
    management = settings.amqp_management_url.get_secret_value()
    check_crossing(management, "STOWAGE_AMQP_MANAGEMENT_URL", plaintext=settings.plaintext)
    if not management:
        return NoAdmission()
    users = BrokerUsers(
        URL(management), Topology(settings.bus_prefix), vhost=vhost_of(settings.amqp_url)
    )
    given = settings.agent_amqp_url.get_secret_value()
    return BrokerAdmission(users, settings.agent_amqp_url if given else settings.amqp_url)


def main() -> None:
    """The command's entry point."""
    run_command(ServiceCommand(settings=Settings, wire=wire))


if __name__ == "__main__":
    main()
