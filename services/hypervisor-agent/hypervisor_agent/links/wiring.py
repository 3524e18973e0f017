"""Builds the door from an agent's settings."""

from stowage_contracts.errors import InvalidInput
from stowage_contracts.values import TREE_LEAF
from stowage_runtime.crossing import check_crossing, server_tls
from stowage_runtime.signing import Verifier
from yarl import URL

from hypervisor_agent.deps import Deps
from hypervisor_agent.engine.buffers import Buffers
from hypervisor_agent.identity import Identity
from hypervisor_agent.links.download import PIECE, Serving
from hypervisor_agent.links.opening import Links
from hypervisor_agent.links.peers import PeerDoor
from hypervisor_agent.links.server import Door, DoorSettings
from hypervisor_agent.links.upload import Uploads
from hypervisor_agent.settings import Settings


def make_door(settings: Settings, identity: Identity, deps: Deps) -> Door:
    """The door, not yet listening. Raises InvalidInput."""
    verifier, tools = Verifier(identity.ticket_verify_key), deps.tools
    links = Links(verifier, identity.host_id, deps.line)
    peers = PeerDoor(
        (verifier, identity.host_id),
        tools.feeds,
        lambda: deps.hops.running,
        settings.agent_door_peers,
    )
    # Buffers of its own: slow receivers must not keep hops waiting.
    budget = settings.agent_door_connections * PIECE + settings.agent_door_uploads * TREE_LEAF
    stall = settings.agent_door_stall_seconds
    serving = Serving(links, tools.transports, Buffers(budget), stall, peers)
    return Door(_settings(settings), serving, Uploads(serving, deps.line))


def _settings(settings: Settings) -> DoorSettings:
    try:
        at = URL(f"//{settings.agent_door_listen}")
        host, port, url = at.host, at.explicit_port, URL(settings.agent_door_url)
    except ValueError as error:
        raise _wrong(str(error)) from error
    if host is None or port is None:
        raise _wrong("the address is not host:port")
    if url.scheme not in {"http", "https"} or not url.host:
        raise _wrong("its URL is not http(s)://…")
    check_crossing(str(url), "STOWAGE_AGENT_DOOR_URL", plaintext=settings.plaintext)
    return DoorSettings(
        host=host,
        port=port,
        url=settings.agent_door_url,
        connections=settings.agent_door_connections,
        uploads=settings.agent_door_uploads,
        peers=settings.agent_door_peers,
        origins=settings.agent_door_origins,
        tls=server_tls(settings.agent_door_cert, settings.agent_door_key),
    )


def _wrong(cause: str) -> InvalidInput:
    return InvalidInput(
        f"the door's settings are wrong: {cause}",
        resource="door",
        code="door",
        hint="set STOWAGE_AGENT_DOOR_LISTEN, _URL, _CERT and _KEY",
    )
