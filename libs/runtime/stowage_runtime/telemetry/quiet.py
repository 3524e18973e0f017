"""Tracing while nobody listens: spans are ids only, so that logs and messages belong together."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import (
    NonRecordingSpan,
    Span,
    SpanContext,
    TraceFlags,
    Tracer,
    get_current_span,
    use_span,
)

SAMPLED = TraceFlags(TraceFlags.SAMPLED)
"""Others on the way of this trace may record it."""


class QuietProvider(TracerProvider):
    """The usual one, once it has somebody to send spans to."""

    heard = False

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Send spans there from now on."""
        super().add_span_processor(span_processor)
        self.heard = True

    def get_tracer(self, *args: Any, **options: Any) -> Tracer:
        """A tracer that records as soon as somebody listens."""
        return QuietTracer(self, super().get_tracer(*args, **options))


class QuietTracer(Tracer):
    """Makes spans that record nothing, at a tenth of the price, until somebody listens."""

    def __init__(self, provider: QuietProvider, loud: Tracer) -> None:
        self._provider, self._loud, self._ids = provider, loud, RandomIdGenerator()

    def start_span(
        self, name: str, context: Context | None = None, *args: Any, **options: Any
    ) -> Span:
        """A span of the running trace, or of a new one."""
        if self._provider.heard:
            return self._loud.start_span(name, context, *args, **options)
        parent = get_current_span(context).get_span_context()
        known = parent.is_valid
        return NonRecordingSpan(
            SpanContext(
                parent.trace_id if known else self._ids.generate_trace_id(),
                self._ids.generate_span_id(),
                is_remote=False,
                trace_flags=parent.trace_flags if known else SAMPLED,
                trace_state=parent.trace_state,
            )
        )

    @contextmanager
    def start_as_current_span(  # type: ignore[override]
        self, name: str, context: Context | None = None, *args: Any, **options: Any
    ) -> Iterator[Span]:
        """The same, running inside the block."""
        if self._provider.heard:
            with self._loud.start_as_current_span(name, context, *args, **options) as running:
                yield running
            return
        with use_span(
            self.start_span(name, context), record_exception=False, set_status_on_exception=False
        ) as running:
            yield running
