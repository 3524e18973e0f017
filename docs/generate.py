"""Writes every generated document: ``python -m docs.generate``."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import api_gateway.mirror.metrics
import api_gateway.settings
import api_gateway.sinks.metrics
import cache_autoscaler.fleet_metrics
import cache_autoscaler.metrics
import cache_autoscaler.settings
import data_motion.settings
import hypervisor_agent.metrics
import hypervisor_agent.settings
import image_store.settings
from api_gateway import outside
from api_gateway.routes import ROUTES
from stowage_contracts import describing
from stowage_runtime import settings
from stowage_runtime.http.openapi import document
from stowage_runtime.telemetry import metrics

from docs import error_reference, query_api

REFERENCE = Path("docs/reference")
ERRORS = Path("services/api-gateway/api_gateway/errors.json")
SCHEMAS = Path("libs/contracts/stowage_contracts/schemas")
SERVICES: tuple[tuple[str, type[settings.ServiceSettings]], ...] = (
    ("api-gateway", api_gateway.settings.Settings),
    ("image-store", image_store.settings.Settings),
    ("data-motion", data_motion.settings.Settings),
    ("cache-autoscaler", cache_autoscaler.settings.Settings),
    ("hypervisor-agent", hypervisor_agent.settings.Settings),
)
METRICS: tuple[tuple[str, ModuleType], ...] = (
    ("every service", metrics),
    ("api-gateway", api_gateway.mirror.metrics),
    ("api-gateway", api_gateway.sinks.metrics),
    ("cache-autoscaler", cache_autoscaler.metrics),
    ("cache-autoscaler", cache_autoscaler.fleet_metrics),
    ("hypervisor-agent", hypervisor_agent.metrics),
)


def documents() -> dict[Path, str]:
    """Text of every generated document by path."""
    found = {SCHEMAS / name: _text(schema) for name, schema in describing.schemas().items()}
    found[REFERENCE / "openapi.json"] = _text(document("Stowage", ROUTES))
    found[REFERENCE / "asyncapi.json"] = _text(outside.describe(describing.asyncapi()))
    found[REFERENCE / "cloudstack-api.md"] = query_api.reference()
    found[REFERENCE / "settings.md"] = settings.reference(SERVICES)
    found[REFERENCE / "metrics.md"] = metrics_reference()
    found[REFERENCE / "errors.md"] = error_reference.reference()
    found[ERRORS] = _text({"errors": error_reference.catalogue()})
    return found


def metrics_reference() -> str:
    """A row for each instrument of the runtime, and of the services that count more."""
    told = "".join(
        f"| `{call.args[0].value!s}` | {who} | {word.value.value!s} |\n"
        for who, module in METRICS
        for call, word in _instruments(Path(str(module.__file__)).read_text())
        if isinstance(call.args[0], ast.Constant) and isinstance(word.value, ast.Constant)
    )
    head = "# Metrics\n\nServed at `/metrics`.\n\n| metric | served by | what it counts |\n"
    return f"{head}|---|---|---|\n{told}"


def _instruments(source: str) -> Iterator[tuple[ast.Call, ast.keyword]]:
    """Calls that make an instrument, with their description; a made one no longer tells it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            yield from ((node, word) for word in node.keywords if word.arg == "description")


def _text(found: dict[str, Any]) -> str:
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write them, and delete schemas of messages that are no more."""
    made = documents()
    for stale in set(SCHEMAS.glob("*.json")) - made.keys():
        stale.unlink()
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


if __name__ == "__main__":
    main()
