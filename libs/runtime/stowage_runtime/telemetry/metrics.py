"""Metrics: the instruments the runtime keeps, and their Prometheus text."""

from opentelemetry import metrics
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import REGISTRY, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_meter = metrics.get_meter("stowage")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

MESSAGES = _meter.create_counter(
    "stowage_messages_handled", description="Messages by service, lane, type and outcome."
)
MESSAGE_SECONDS = _meter.create_histogram(
    "stowage_message_duration", unit="s", description="Time to handle a message, by service, type."
)
OUTBOX_DEPTH = _meter.create_gauge(
    "stowage_outbox_messages", description="Messages said but not yet confirmed, by service."
)
OUTBOX_AGE = _meter.create_gauge(
    "stowage_outbox_age", unit="s", description="Age of the oldest unconfirmed message, by service."
)
OUTBOX_REFUSED = _meter.create_gauge(
    "stowage_outbox_refused", description="Messages the bus has no queue for, by service."
)
INTENTS = _meter.create_counter(
    "stowage_intents_run", description="Intents by service, kind and outcome."
)
INTENT_SECONDS = _meter.create_histogram(
    "stowage_intent_duration", unit="s", description="Time of one intent attempt, by service, kind."
)
TIMERS = _meter.create_counter(
    "stowage_timers_run", description="Timer runs by service, name and outcome."
)
DEAD_LETTERS = _meter.create_counter(
    "stowage_dead_letters", description="Messages given up, by service, type and code."
)
HTTP_REQUESTS = _meter.create_counter(
    "stowage_http_requests", description="Requests by service, method, route and status."
)
HTTP_SECONDS = _meter.create_histogram(
    "stowage_http_request_duration", unit="s", description="Time to answer, by service and route."
)


def start_metrics() -> None:
    """Install the process's meter, once; services of one process share it and its registry."""
    if isinstance(metrics.get_meter_provider(), MeterProvider):
        return
    buckets = View(
        instrument_name="stowage_*_duration",
        aggregation=ExplicitBucketHistogramAggregation(_SECONDS),
    )
    reader = PrometheusMetricReader(disable_target_info=True, scope_info_enabled=False)
    metrics.set_meter_provider(MeterProvider(metric_readers=[reader], views=[buckets]))


def exposition() -> bytes:
    """Everything the process counts, in Prometheus' text format."""
    return generate_latest(REGISTRY)
