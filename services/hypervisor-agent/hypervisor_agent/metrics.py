"""What an agent counts, beside what the runtime counts."""

from opentelemetry import metrics
from stowage_contracts.values import Receipt

_meter = metrics.get_meter("stowage")
HOPS = _meter.create_counter("stowage_hops", description="Hops ended here, by outcome.")
READ = _meter.create_counter("stowage_hop_read", unit="By", description="Bytes read by hops.")
SENT = _meter.create_counter("stowage_hop_sent", unit="By", description="Bytes stored by hops.")
FED = _meter.create_counter("stowage_hop_fed", unit="By", description="Bytes peers fed to hops.")
SERVED = _meter.create_counter("stowage_hop_served", unit="By", description="Bytes fed to peers.")
PEERS_LOST = _meter.create_counter("stowage_peers_lost", description="Peers given up, by reason.")
PEER_REASONS = frozenset({"wrong", "403", "404", "503"})
UNKEPT = _meter.create_counter("stowage_leaves_unkept", description="Leaves nobody would keep.")


def peer_lost(reason: str) -> None:
    """A peer did not feed as it should."""
    PEERS_LOST.add(1, {"reason": reason if reason in PEER_REASONS else "unreachable"})


def moved(receipt: Receipt) -> None:
    """A hop ended well."""
    HOPS.add(1, {"outcome": "moved"})
    READ.add(receipt.bytes_read)
    SENT.add(receipt.bytes_sent)
    FED.add(receipt.bytes_fed)


def failed(code: str) -> None:
    """A hop ended with an error."""
    HOPS.add(1, {"outcome": code})
