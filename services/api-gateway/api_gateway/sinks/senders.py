"""Makes the sender of each sink."""

from dataclasses import dataclass

from stowage_contracts.sinks import SinkKind

from api_gateway.settings import Settings
from api_gateway.sinks.broker import BrokerSender
from api_gateway.sinks.rows import Sink
from api_gateway.sinks.sending import Sender
from api_gateway.sinks.webhook import WebhookSender


@dataclass(frozen=True)
class Senders:
    """By the kind of a sink."""

    settings: Settings

    def of(self, sink: Sink) -> Sender:
        """Opens nothing yet."""
        if sink.kind is SinkKind.WEBHOOK:
            return WebhookSender(sink, self.settings.sink_allow)
        return BrokerSender(sink, self.settings.amqp_url)
