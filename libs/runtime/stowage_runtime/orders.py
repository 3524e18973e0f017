"""Orders to agents: sealed by the service that gives them, believed by the one agent meant.

The broker keeps strangers out; a seal also keeps out whoever has a broker's login but no key.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from pydantic import SecretStr
from stowage_contracts.envelope import Envelope
from stowage_contracts.errors import GrantRefused
from stowage_contracts.topology import agent_address
from stowage_contracts.values import Value

from stowage_runtime.signing import Signer, Verifier

LIFE = timedelta(hours=1)
"""An order not taken by then has been given again, or given up."""
REMEMBERED = 8192
"""Orders an agent knows to be carried out; older ones are fenced by their epochs."""
_AGENT = agent_address("")
Seal = Callable[[Envelope, str], Envelope]


class Order(Value):
    """Claims of a seal: who said exactly which message to whom."""

    message_id: str
    source: str
    type: str
    address: str
    content: str
    """sha256 of the message's data in canonical JSON, in hex."""


def unsealed(envelope: Envelope, _to: str) -> Envelope:
    """For services that give agents no orders."""
    return envelope


def sealer(signer: Signer) -> Seal:
    """Seals what is addressed to an agent; everything else stays as it is."""

    def seal(envelope: Envelope, to: str) -> Envelope:
        if not to.startswith(_AGENT):
            return envelope
        token = signer.sign(_order(envelope, to), datetime.now(UTC) + LIFE)
        return envelope.model_copy(update={"seal": token.get_secret_value()})

    return seal


class OrderDoor:
    """What one agent believes."""

    def __init__(self, verifier: Verifier, host_id: str) -> None:
        self._verifier, self._address = verifier, agent_address(host_id)
        self._done: OrderedDict[str, None] = OrderedDict()

    def check(self, envelope: Envelope) -> None:
        """Raises GrantRefused: unsealed, forged, changed, expired, for another host, repeated."""
        if not envelope.seal:
            raise GrantRefused("the order bears no seal", code="forged")
        token = SecretStr(envelope.seal)
        order = self._verifier.verify(token, Order, datetime.now(UTC))
        if order.address != self._address:
            raise GrantRefused("the order is another host's", code="forged")
        if order != _order(envelope, self._address):
            raise GrantRefused("the order is not what was sealed", code="forged")
        if envelope.id in self._done:
            raise GrantRefused("the order was carried out already", code="repeated")

    def carried_out(self, envelope: Envelope) -> None:
        """From now on it is refused as repeated."""
        self._done[envelope.id] = None
        if len(self._done) > REMEMBERED:
            self._done.popitem(last=False)


def _order(envelope: Envelope, to: str) -> Order:
    text = json.dumps(envelope.data, sort_keys=True, separators=(",", ":"))
    return Order(
        message_id=envelope.id,
        source=envelope.source,
        type=envelope.type,
        address=to,
        content=hashlib.sha256(text.encode()).hexdigest(),
    )
