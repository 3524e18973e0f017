"""Traces: spans, and the traceparent that rides in outbox rows, envelopes and intents."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from stowage_contracts.errors import StowageError

from stowage_runtime.telemetry.quiet import QuietProvider

_HEADER = "traceparent"
_tracer = trace.get_tracer("stowage")
"""Stands for the process's tracer, from when that is installed."""


def current_traceparent() -> str:
    """W3C traceparent of the running span; empty outside one."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def extract(traceparent: str) -> Context | None:
    """The context a traceparent names; None (go on in the running trace) when it is empty."""
    if not traceparent:
        return None
    return TraceContextTextMapPropagator().extract({_HEADER: traceparent}, Context())


def trace_id() -> str:
    """Trace id of the running span as 32 hex digits; empty outside one."""
    context = trace.get_current_span().get_span_context()
    return trace.format_trace_id(context.trace_id) if context.is_valid else ""


@contextmanager
def span(
    name: str, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, **attributes: str | int | float
) -> Iterator[Span]:
    """Run the block in a span; ``parent`` is a traceparent, else the running span is.

    An error marks the span with its code, never its text: texts may quote what people gave.
    """
    with trace.use_span(
        _tracer.start_span(name, extract(parent), kind, attributes),
        end_on_exit=True,
        record_exception=False,
        set_status_on_exception=False,
    ) as running:
        try:
            yield running
        except Exception as error:
            running.set_status(Status(StatusCode.ERROR, error_code(error)))
            raise


def error_code(error: BaseException) -> str:
    """A short name of an error that is safe anywhere: its code, else its class."""
    return error.code if isinstance(error, StowageError) else type(error).__name__


def start_tracing(service: str, endpoint: str = "", *processors: SpanProcessor) -> TracerProvider:
    """Install the process's tracer, once; later calls (standalone) join the first.

    Without ``endpoint`` spans are only ids, which logs and messages carry on.
    """
    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        return installed
    provider = QuietProvider(resource=Resource.create({"service.name": service}))
    if endpoint:
        exporter = OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=4096))
    for processor in processors:
        provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return provider


def flush_tracing(seconds: float) -> None:
    """Send what is queued, for at most ``seconds``; blocking, so call it in a thread."""
    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        installed.force_flush(int(seconds * 1000))
