"""Sinks as routes' tests ask for them."""

from typing import Any

HOOK = {"name": "hook", "kind": "webhook", "url": "https://localhost:9/hook"}
SINK = "/v1/sinks/{id}"
SINK_WORK: list[tuple[str, str, Any]] = [
    ("GET", "", None),
    ("PATCH", "", {"rate": 5}),
    ("POST", "/pause", None),
    ("POST", "/resume", None),
    ("POST", "/redeliver", {"after": "now"}),
    ("POST", "/rotate", {}),
    ("POST", "/test", None),
    ("DELETE", "", None),
]
"""What its owner does with a sink; the last thing is to remove it."""
