"""One trace goes through everything that carries its traceparent."""

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from stowage_contracts.errors import NotFound
from stowage_runtime.telemetry import current_traceparent, metrics, span, start_tracing, trace_id


@pytest.fixture
def exported() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    start_tracing("test").add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_there_is_no_traceparent_outside_a_span() -> None:
    assert (current_traceparent(), trace_id()) == ("", "")


def test_a_span_continues_the_trace_it_is_given(exported: InMemorySpanExporter) -> None:
    with span("request"):
        carried, first = current_traceparent(), trace_id()
    with span("elsewhere", carried):
        assert trace_id() == first
    request, elsewhere = exported.get_finished_spans()[-2:]
    assert elsewhere.parent is not None
    assert request.context is not None
    assert elsewhere.parent.span_id == request.context.span_id


def test_a_traceparent_of_rubbish_begins_a_new_trace(exported: InMemorySpanExporter) -> None:
    with span("request", "rubbish"):
        assert len(trace_id()) == 32


def test_an_error_marks_the_span_with_its_code_only(exported: InMemorySpanExporter) -> None:
    with pytest.raises(NotFound), span("work"):
        raise NotFound("canary text", code="store")
    failed = exported.get_finished_spans()[-1]
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.status.description == "not_found.store"
    assert "canary" not in failed.to_json()


def test_counted_things_are_in_the_exposition() -> None:
    metrics.start_metrics()
    metrics.MESSAGES.add(2, {"service": "counted", "type": "HostJoined", "outcome": "done"})
    metrics.MESSAGE_SECONDS.record(0.02, {"service": "counted", "type": "HostJoined"})
    lines = metrics.exposition().decode().splitlines()
    mine = [line for line in lines if 'service="counted"' in line]  # others may add labels
    (counted,) = (line for line in mine if line.startswith("stowage_messages_handled_total{"))
    assert 'type="HostJoined"' in counted
    assert counted.endswith(" 2.0")
    assert any('le="0.025"' in line for line in mine)


def test_starting_again_joins_the_first() -> None:
    metrics.start_metrics()
    metrics.start_metrics()
    assert start_tracing("a") is start_tracing("b")
