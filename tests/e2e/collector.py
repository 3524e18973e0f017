"""A small OTLP/HTTP collector: keeps the spans it is sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True)
class Span:
    """What a test asks of a span."""

    trace: str
    service: str
    name: str


@dataclass
class Collector:
    """Everything received."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    """Every export as it came, unpacked."""

    async def take(self, request: web.Request) -> web.Response:
        """POST /v1/traces."""
        body = await request.read()
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.raw.append(body)
        message = ExportTraceServiceRequest.FromString(body)
        for resource in message.resource_spans:
            attributes = {
                item.key: item.value.string_value for item in resource.resource.attributes
            }
            for scope in resource.scope_spans:
                self.spans += [
                    Span(span.trace_id.hex(), attributes.get("service.name", ""), span.name)
                    for span in scope.spans
                ]
        answer = ExportTraceServiceResponse().SerializeToString()
        return web.Response(body=answer, content_type="application/x-protobuf")

    def services_of(self, trace: str) -> set[str]:
        """Services that took part in a trace."""
        return {span.service for span in self.spans if span.trace == trace}

    def names_of(self, trace: str) -> set[str]:
        """Names of a trace's spans."""
        return {span.name for span in self.spans if span.trace == trace}


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector at its ``url``."""
    collector = Collector()
    app = web.Application(client_max_size=1 << 24)
    app.router.add_post("/v1/traces", collector.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        await runner.cleanup()
