"""What an agent counts, beside what the runtime counts."""

from opentelemetry import metrics
from stowage_contracts.values import Receipt

_meter = metrics.get_meter("stowage")
HOPS = _meter.create_counter("stowage_hops", description="Hops ended here, by outcome.")
READ = _meter.create_counter("stowage_hop_read", unit="By", description="Bytes read by hops.")
SENT = _meter.create_counter("stowage_hop_sent", unit="By", description="Bytes stored by hops.")


def moved(receipt: Receipt) -> None:
    """A hop ended well."""
    HOPS.add(1, {"outcome": "moved"})
    READ.add(receipt.bytes_read)
    SENT.add(receipt.bytes_sent)


def failed(code: str) -> None:
    """A hop ended with an error."""
    HOPS.add(1, {"outcome": code})
