"""What is counted of sinks."""

from opentelemetry import metrics

_meter = metrics.get_meter("stowage")

DELIVERED = _meter.create_counter(
    "stowage_sink_events", description="Events taken by sinks, by kind and sink."
)
FAILED = _meter.create_counter(
    "stowage_sink_failures", description="Attempts that failed, by kind, sink and code."
)
LAG = _meter.create_gauge(
    "stowage_sink_lag", unit="s", description="Age of the oldest event a sink has not taken."
)
SINKS = _meter.create_gauge("stowage_sinks", description="Sinks this gateway delivers for.")
