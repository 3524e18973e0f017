"""What is counted of the CloudStack that is followed."""

from opentelemetry import metrics

_meter = metrics.get_meter("stowage")
EVENTS = _meter.create_counter(
    "stowage_mirror_events", description="CloudStack's events, by what became of them."
)
LAG = _meter.create_gauge(
    "stowage_mirror_lag", unit="s", description="Age of CloudStack's newest event when it came."
)
LOOKS = _meter.create_gauge(
    "stowage_mirror_looks", description="Entities of CloudStack to look at, by state."
)
OLDEST = _meter.create_gauge(
    "stowage_mirror_oldest_look", unit="s", description="Age of the oldest look that waits."
)
QUESTIONS = _meter.create_counter(
    "stowage_mirror_questions", description="Questions to CloudStack's API, by how they ended."
)
