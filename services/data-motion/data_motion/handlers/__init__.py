"""What each message does; every handler changes jobs through the pure rules only.

``requests`` has what askers say, ``steering`` what people order meanwhile, ``hops`` what agents
and destinations' owners report, ``hosts``, ``stores`` and ``fleets`` what becomes of
those, ``policies`` what operators want of plans.
"""

from collections.abc import Mapping

from stowage_contracts.message import Message
from stowage_runtime.service import Handler, RequestHandler

from data_motion.deps import Deps
from data_motion.handlers import fleets, hops, hosts, policies, requests, steering, stores

HANDLERS: Mapping[type[Message], Handler[Deps]] = {
    **requests.HANDLERS,
    **steering.HANDLERS,
    **hops.HANDLERS,
    **hosts.HANDLERS,
    **stores.HANDLERS,
    **fleets.HANDLERS,
    **policies.HANDLERS,
}
REQUESTS: Mapping[type[Message], RequestHandler[Deps]] = policies.REQUESTS
SIGNALS: Mapping[type[Message], Handler[Deps]] = {**hops.SIGNALS, **hosts.SIGNALS}
